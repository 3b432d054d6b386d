# Random Erasing (https://arxiv.org/abs/1708.04896): p = 0.5, s_l = 0.02,
# s_h = 0.4, r_1 = 0.3, filled with random pixels (RE-R).
# mmpretrain draws the aspect ratio log-uniformly from (r_1, 1 / r_1), where
# theirs is uniform.
random_erasing = dict(
    type='RandomErasing',
    erase_prob=0.5,
    min_area_ratio=0.02,
    max_area_ratio=0.4,
    aspect_range=0.3,
    mode='rand',
)
