# LOMA as on CIFAR, Sec 4.1
loma = dict(
    type='LocalMagnification',
    prob=0.5,
    shape='rhombus',
    radius_range=(0.03, 0.7),
    ratio_range=(1.0, 3.0),
)
