"""Neural style transfer as in Gatys, Ecker and Bethge (2015): the functions behind the lessons.

Data flows one way: a module imports only from those that stand before it in

    errors < layers, color < options < files, compute < images < progress, losses < weights, terms
    < vgg < engine, paper < recipes, painter < settings, conventions < lessons < tools

where those between two signs do not know each other, and a name without a file of its own is a package.
"""

import importlib
from typing import Any

_MODULE_OF = {
    name: module
    for module, names in {
        "errors": "ArgumentError CheckpointError CourseError MissingFileError OutputError OutputExistsError "
        "PictureError RunError TooLargeError WeightsError",
        "files.bundled": "bundled_image bundled_images bundled_painters",
        "layers": "CONTENT_LAYER CONV_LAYERS LAYERS POOL_LAYERS STYLE_LAYERS layer_name",
        "options": "PRESETS Losses Network Run",
        "color": "gray luma match_covariance match_histogram match_luma with_colors_of",
        "images": "crop_to_square deprocess image_bytes load_image load_mask preprocess read_settings "
        "resize_image save_image",
        "losses": "content_gradient content_loss gram_matrix style_layer_gradient style_layer_loss "
        "style_loss total_loss",
        "terms": "PIXELS TERMS Scene Sums Term change_term content_term histogram_loss style_term "
        "total_variation",
        "vgg": "feature_model vgg19",
        "engine.tiling": "Tiling",
        "engine.objective": "objective",
        "engine.coarse_to_fine": "coarse_to_fine minimize white_noise",
        "recipes": "Result reconstruct synthesize_texture transfer",
        "painter.network": "Painter instance_normalization load_painter paint painter_network",
        "painter.training": "painting_loss random_crop train_painter",
        "settings": "again load_preset save_preset",
        "conventions": "CONVENTIONS as_printed",
        "lessons.display": "heatmap plot_history show_film show_images show_plot show_sliders show_table",
        "lessons.figures": "draw_convolution draw_receptive_fields",
        "lessons.film": "filming save_film",
        "lessons.notebook": "pace upload_button uploaded_image",
        "lessons.own": "check made_with yours",
        "lessons.quiz": "quiz",
        "lessons.studio": "open_studio",
        "tools.frames": "flicker load_frames optical_flow paint_frames shift warp",
        "tools.gallery": "paint_gallery",
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
