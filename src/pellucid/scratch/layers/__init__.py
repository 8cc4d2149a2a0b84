"""The layers: each file is a family, each class in it below `Layer` a layer."""
