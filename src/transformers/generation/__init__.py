"""Text from models: decoding strategies over any model with a step."""
