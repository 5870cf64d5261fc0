# Sourced by the steps of an image build that download packages: makes the package clients use the build's own settings.
#   secret `certificates`   certificate authorities in PEM, for a proxy that signs with its own
#   APT_MIRROR              replaces the Debian or Ubuntu mirror of the base image
# pip and npm read PIP_INDEX_URL and NPM_CONFIG_REGISTRY themselves.
certificates=/run/secrets/certificates
if [ -s "$certificates" ]; then
  export PIP_CERT="$certificates" NPM_CONFIG_CAFILE="$certificates" NODE_EXTRA_CA_CERTS="$certificates"
  [ -d /etc/apt ] && echo "Acquire::https::CAInfo \"$certificates\";" >/etc/apt/apt.conf.d/90certificates
fi
if [ -n "${APT_MIRROR:-}" ] && [ -e /etc/apt/sources.list ]; then
  sed -i -E "s#https?://[^ ]+#$APT_MIRROR#" /etc/apt/sources.list
fi
