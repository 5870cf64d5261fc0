"""From a frame to the objects on it: model bundles, pre-processing, the network, decoding and clustering."""
