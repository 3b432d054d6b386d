"""Algorithm 1 as a double loop in decimals of 80 digits.

Neither NumPy nor float64 has a say in it. It gives what a pixel may read, for
float64 may take either side where the equations leave less between them than it
can tell apart.
"""

import math
import sys
from decimal import Decimal, localcontext

EPS = Decimal(sys.float_info.epsilon)


def membership(x, y, region):
    """Whether (x, y) lies in S: True, False, or None where float64 cannot say."""
    (x_c, y_c), (a_x, a_y) = (map(Decimal, p) for p in (region.center, region.ratios))
    r = Decimal(region.radius)
    dx, dy = abs(x - x_c), abs(y - y_c)
    # What float64 makes of the differences, and of products of them.
    slack_x, slack_y = (d * EPS * 8 for d in (dx, dy))
    if region.shape == 'rhombus':
        least, most = (
            a_x * max(dx + s * slack_x, 0) + a_y * max(dy + s * slack_y, 0)
            for s in (-1, 1)
        )
    elif region.shape == 'ellipse':
        least, most = (
            a_x * max(dx + s * slack_x, 0) ** 2 + a_y * max(dy + s * slack_y, 0) ** 2
            for s in (-1, 1)
        )
        r = r * r
    else:
        least, most = (
            max(a_x * max(dx + s * slack_x, 0), a_y * max(dy + s * slack_y, 0))
            for s in (-1, 1)
        )
    if most < r * (1 - EPS):
        return True
    return False if least > r * (1 + EPS) else None


def source(x, y, region, height, width):
    """The least and the most that each coordinate of the source may be."""
    x_c, y_c = map(Decimal, region.center)
    dx, dy = x - x_c, y - y_c
    scale = (dx * dx + dy * dy).sqrt() / Decimal(region.radius)
    bounds = []
    for d, c, size in ((dx, x_c, width), (dy, y_c, height)):
        exact = scale * d + c
        slack = 8 * EPS * (abs(scale * d) + abs(c) + 1)
        bounds.append(
            [min(max(exact + s * slack, 0), Decimal(size - 1)) for s in (-1, 1)]
        )
    return bounds


def readings(region, height, width, pixels):
    """{(x, y): (may it stay, may it move, bounds of x_o, bounds of y_o)}."""
    with localcontext() as context:
        context.prec = 80
        context.Emin, context.Emax = -(10**6), 10**6
        found = {}
        for x, y in pixels:
            inside = membership(x, y, region)
            moves = inside is not False
            bounds = source(x, y, region, height, width) if moves else (None, None)
            found[x, y] = (not inside, moves, *bounds)
        return found


def whole_between(bounds):
    """The pixels whose number is the floor of something between the bounds."""
    low, high = bounds
    return range(math.floor(low), math.floor(high) + 1)


def contains_point(point, region):
    """Whether a point of real numbers lies in S; None where it is too close."""
    with localcontext() as context:
        context.prec = 80
        context.Emin, context.Emax = -(10**6), 10**6
        return membership(*map(Decimal, map(float, point)), region)


def target(point, region):
    """Where the content at a point goes: the inverse of Eq 3."""
    with localcontext() as context:
        context.prec = 80
        context.Emin, context.Emax = -(10**6), 10**6
        x, y = (Decimal(float(value)) for value in point)
        x_c, y_c = map(Decimal, region.center)
        dx, dy = x - x_c, y - y_c
        d = (dx * dx + dy * dy).sqrt()
        scale = (Decimal(region.radius) / d).sqrt() if d else Decimal(0)
        return [float(x_c + scale * dx), float(y_c + scale * dy)]
