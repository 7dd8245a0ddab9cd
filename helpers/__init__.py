"""Neural style transfer as in Gatys, Ecker and Bethge (2015): the functions behind the lessons.

Data flows one way, and each module imports only from those before it: errors, files, decoding, images,
colour, presets, backend, display, figures, vgg, losses, terms, objectives, optimizers, memory, synthesis,
arguments, checkpoint, recipes, literature, film, settings; after them what the lessons need (lessons, studio,
exercises, checks), many pictures (results, gallery), the benchmark, and the command line.
"""

import importlib
from typing import Any

_MODULE_OF = {
    name: module
    for module, names in {
        "errors": "ArgumentError CheckpointError CourseError MissingFileError OutputError OutputExistsError "
        "PictureError RunError TooLargeError WeightsError",
        "files": "bundled_image bundled_images",
        "images": "crop_to_square deprocess image_bytes load_image load_mask "
        "preprocess read_settings resize_image save_image",
        "presets": "PRESETS",
        "colour": "grey luminance match_covariance match_histogram match_luminance with_colours_of",
        "display": "heatmap plot_history show_film show_images show_plot show_table",
        "figures": "draw_convolution draw_receptive_fields",
        "vgg": "CONTENT_LAYER CONV_LAYERS LAYERS POOL_LAYERS STYLE_LAYERS feature_model layer_name vgg19",
        "terms": "TERMS Scene change_term histogram_loss total_variation",
        "losses": "PIXELS Term content_gradient content_loss content_term gram_matrix style_layer_gradient "
        "style_layer_loss style_loss style_term total_loss",
        "objectives": "Tiling objective",
        "synthesis": "coarse_to_fine minimise white_noise",
        "film": "filming flicker load_frames optical_flow paint_frames save_film shift warp",
        "settings": "again load_preset save_preset",
        "literature": "CONVENTIONS as_printed",
        "recipes": "Result reconstruct synthesize_texture transfer",
        "checks": "check",
        "lessons": "pace upload_button uploaded_image",
        "studio": "open_studio",
        "gallery": "paint_gallery",
    }.items()
    for name in names.split()
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    # TensorFlow takes seconds to import: a command's --help, or a sentence about bad input, need not wait.
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'helpers' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"helpers.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
