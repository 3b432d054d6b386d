# LOMA with the paper's settings for VOC detection (Sec 4.6).
loma = dict(
    type='loma_mm.LocalMagnification',
    prob=0.25,
    radius_range=(0.03, 0.5),
    ratio_range=(1.0, 1.0),
)
