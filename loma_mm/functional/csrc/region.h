/* The equations of region.py, for image.c and boxes.c: bit by bit what NumPy
 * gives in float64. For that the operations stand in region.py's order and must
 * not be compiled with fused multiply-add.
 */
#ifndef LOMA_MM_REGION_H
#define LOMA_MM_REGION_H

#include <math.h>

#include "loops.h"

/* Pixels whose sources are computed at a time: they stay on the stack. */
#define SEGMENT 256

/* They are computed in whole vectors, some beyond the last pixel for nothing. */
#define VECTOR 8

/* As in region.py: keeps d / r finite. */
#define LEAST_RADIUS 1e-150

/* Eq 1, Eq 2 or the l-infinity norm; compare region.py. */
static inline int contains(const Region *s, double dx, double dy)
{
    if (s->shape == RHOMBUS)
        return s->a_x * fabs(dx) + s->a_y * fabs(dy) < s->r;
    if (s->shape == ELLIPSE)
        return s->a_x * dx * dx + s->a_y * dy * dy < s->r * s->r;
    return (s->a_x * fabs(dx) < s->r) & (s->a_y * fabs(dy) < s->r);
}

static inline ptrdiff_t clip(double value, ptrdiff_t low, ptrdiff_t high)
{
    return value > low ? value < high ? (ptrdiff_t)value : high : low;
}

/* A coordinate of a source, clamped to the image. */
static inline double clamp(double value, double most)
{
    value = value > 0 ? value : 0;
    return value < most ? value : most;
}

/* Eq 3, whose distances are from the centre: d / r, then one coordinate of the
 * source, clamped to the image. */
static inline double scale_at(double dx, double dy, double r)
{
    return sqrt(dx * dx + dy * dy) / r;
}

static inline double source_at(double scale, double d, double center,
                               double most)
{
    return clamp(scale * d + center, most);
}

/* Whether the centre is a pixel of the image: then dx and dy are whole, and the
 * four pixels at (+-dx, +-dy) share d / r to the bit. */
static inline int is_at_pixel(const Region *s, const Image *img)
{
    return s->x == floor(s->x) && s->y == floor(s->y) && s->x >= 0 &&
           s->x < img->width && s->y >= 0 && s->y < img->height;
}

/* The columns [*first, *end) of S in the row at dy from the centre. */
void loma_span(const Region *s, double dy, ptrdiff_t width, ptrdiff_t *first,
          ptrdiff_t *end);

/* The rows [*top, *bottom) that are sure to hold S. Returns whether S holds two
 * pixels of the image: with fewer it does not change. */
int loma_rows(const Region *s, ptrdiff_t height, ptrdiff_t width, ptrdiff_t *top,
            ptrdiff_t *bottom);

/* What the pixels at dx = x - origin, x + 1 - origin, ... and dy from the
 * centre read: d / r, then columns and rows of their sources (Eq 3), in bytes.
 */
typedef struct {
    int32_t offset[SEGMENT], most;
} Offsets;

void loma_find_scales(double *scale, int32_t x, double origin, double dy, double r,
                 int32_t count);

/* `sign` -1: of the pixels mirrored at the centre. */
void loma_find_columns(Offsets *o, const double *scale, int32_t x, double origin,
                  double sign, double x_c, double x_max, int32_t pixel,
                  int32_t count);

void loma_find_lines(Offsets *o, const double *scale, double dy, double y_c,
                double y_max, int32_t row, int32_t count);

/* The next whole vector. */
static inline int32_t in_vectors(ptrdiff_t count)
{
    return (int32_t)((count + VECTOR - 1) / VECTOR * VECTOR);
}

#endif
