"""The encoder as ONNX graphs, and ONNX Runtime in PyTorch's place."""
