"""From a camera's frame to objects: model bundles, pre-processing, the network, decoding and clustering."""
