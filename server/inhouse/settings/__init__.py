"""What the user wants: settings from four places, read without ever failing."""

from .layers import (
    Layer,
    SettingsProblem,
    editor_layer,
    editor_layers,
    file_layer,
    layers_from_files,
    server_layers,
    text_layer,
)
from .merge_layers import read_settings

__all__ = [
    "Layer",
    "SettingsProblem",
    "editor_layer",
    "editor_layers",
    "file_layer",
    "layers_from_files",
    "read_settings",
    "server_layers",
    "text_layer",
]
