"""The version of the sidecar; a test holds it equal to package.json's."""

VERSION = "0.1.0"
