# LOMA_F and FO, Sec 4.1: p_f = 0.5, l = 2, gamma = 0.25
loma_f = dict(
    type='FeatureLocalMagnification',
    shape='rhombus',
    radius_range=(0.03, 0.7),
    ratio_range=(1.0, 3.0),
)
# As the paper's text has it, without scaling; the authors' published code
# multiplies by numel / count_nonzero, which is rescale='nonzero' here
# (docs/reproduce.md).
fo = dict(type='FeatureMapOffset', gamma=0.25, rescale='none')

# A config adds `augments` and the `backbone` to wrap.
feature_augment = dict(type='FeatureAugmentBackbone', after='layer2', prob=0.5)
