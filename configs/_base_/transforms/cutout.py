# Cutout (https://arxiv.org/abs/1708.04552): one square on every image, around
# a random pixel. Its side is 16 on CIFAR-10 and 8 on CIFAR-100.
# They write zeros after normalisation: a config gives the mean pixel as
# `pad_val`. At the top and left border mmpretrain moves the square inwards,
# where theirs is cut off.
cutout = dict(type='Cutout', shape=16, prob=1.0)
