"""The byte model at run time: codec, engine, decoding, confidence. numpy and onnxruntime only."""
