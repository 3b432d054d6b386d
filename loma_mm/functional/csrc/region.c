/* S and Eq 3; see region.h. */
#include "region.h"

void loma_span(const Region *s, double dy, ptrdiff_t width, ptrdiff_t *first,
          ptrdiff_t *end)
{
    double half = 0;
    if (s->shape == RHOMBUS)
        half = (s->r - s->a_y * fabs(dy)) / s->a_x;
    else if (s->shape == ELLIPSE)
        half = sqrt(fmax((s->r * s->r - s->a_y * dy * dy) / s->a_x, 0));
    else if (s->a_y * fabs(dy) < s->r)
        half = s->r / s->a_x;
    half = fmax(half, 0);
    ptrdiff_t low = clip(ceil(s->x - half), 0, width);
    ptrdiff_t high = clip(floor(s->x + half) + 1, low, width);
    /* The inequality itself decides, not its rounded solution. */
    while (low > 0 && contains(s, low - 1 - s->x, dy))
        low--;
    while (high < width && contains(s, high - s->x, dy))
        high++;
    while (low < high && !contains(s, low - s->x, dy))
        low++;
    while (high > low && !contains(s, high - 1 - s->x, dy))
        high--;
    *first = low;
    *end = high;
}

int loma_rows(const Region *s, ptrdiff_t height, ptrdiff_t width, ptrdiff_t *top,
            ptrdiff_t *bottom)
{
    const double reach_y = s->r / (s->shape == ELLIPSE ? sqrt(s->a_y) : s->a_y);
    ptrdiff_t count = 0, first, end;
    /* One row more on each side: loma_span() is exact, this need not be. */
    *top = clip(floor(s->y - reach_y) - 1, 0, height);
    *bottom = clip(ceil(s->y + reach_y) + 2, *top, height);
    for (ptrdiff_t y = *top; y < *bottom && count < 2; y++) {
        loma_span(s, y - s->y, width, &first, &end);
        count += end - first;
    }
    return count > 1;
}

/* Integers of 32 bits convert to float64 in vectors, of 64 bits not. */
CLONES
void loma_find_scales(double *scale, int32_t x, double origin, double dy,
                        double r, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        scale[i] = scale_at((double)(x + i) - origin, dy, r);
    }
}

CLONES
void loma_find_columns(Offsets *o, const double *scale, int32_t x,
                         double origin, double sign, double x_c, double x_max,
                         int32_t pixel, int32_t count)
{
    int32_t most = INT32_MIN;
    for (int32_t i = 0; i < count; i++) {
        const double dx = sign * ((double)(x + i) - origin);
        const int32_t at = (int32_t)source_at(scale[i], dx, x_c, x_max) * pixel;
        o->offset[i] = at;
        most = at > most ? at : most;
    }
    o->most = most;
}

CLONES
void loma_find_lines(Offsets *o, const double *scale, double dy, double y_c,
                       double y_max, int32_t row, int32_t count)
{
    int32_t most = INT32_MIN;
    for (int32_t i = 0; i < count; i++) {
        const int32_t at = (int32_t)source_at(scale[i], dy, y_c, y_max) * row;
        o->offset[i] = at;
        most = at > most ? at : most;
    }
    o->most = most;
}
