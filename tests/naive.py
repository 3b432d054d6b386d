"""Algorithm 1 as a double loop, written from the paper and nothing else."""

import math

import numpy as np


def in_region(x, y, center, radius, ratios, shape):
    dx, dy = abs(x - center[0]), abs(y - center[1])
    a_x, a_y = ratios
    if shape == 'rhombus':
        return a_x * dx + a_y * dy < radius
    if shape == 'ellipse':
        return a_x * dx**2 + a_y * dy**2 < radius**2
    return max(a_x * dx, a_y * dy) < radius


def sources(height, width, center, radius, ratios, shape):
    """{(x, y): (x_o, y_o)} for every pixel of S, real-valued and clamped."""
    moved = {}
    for y in range(height):
        for x in range(width):
            if in_region(x, y, center, radius, ratios, shape):
                d = math.sqrt((x - center[0]) ** 2 + (y - center[1]) ** 2)
                x_o = d / radius * (x - center[0]) + center[0]
                y_o = d / radius * (y - center[1]) + center[1]
                moved[x, y] = (
                    min(max(x_o, 0), width - 1),
                    min(max(y_o, 0), height - 1),
                )
    return moved if len(moved) > 1 else {}


def magnify(img, center, radius, ratios, shape):
    out = np.array(img)
    for (x, y), (x_o, y_o) in sources(
        *img.shape[:2], center, radius, ratios, shape
    ).items():
        out[y, x] = img[math.floor(y_o), math.floor(x_o)]
    return out


def magnify_bilinear(img, center, radius, ratios, shape):
    out = np.array(img, np.float64)
    height, width = img.shape[:2]
    for (x, y), (x_o, y_o) in sources(
        height, width, center, radius, ratios, shape
    ).items():
        value = 0
        for j in (math.floor(y_o), math.floor(y_o) + 1):
            for i in (math.floor(x_o), math.floor(x_o) + 1):
                weight = max(0, 1 - abs(x_o - i)) * max(0, 1 - abs(y_o - j))
                if weight > 0:
                    value = value + weight * img[j, i].astype(np.float64)
        out[y, x] = value
    return out
