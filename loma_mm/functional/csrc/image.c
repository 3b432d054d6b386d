/* Magnification of an image: image.py's magnify_image. */
#include <math.h>
#include <string.h>

#include "region.h"

static inline ptrdiff_t least_of(ptrdiff_t a, ptrdiff_t b)
{
    return a < b ? a : b;
}

/* memcpy for sizes that the compiler does not know, in line. */
static inline void copy_pixel(char *out, const char *in, ptrdiff_t size)
{
    ptrdiff_t i = 0;
    if (size >= 8) {
        for (; i < size - 8; i += 8)
            memcpy(out + i, in + i, 8);
        memcpy(out + size - 8, in + size - 8, 8);
        return;
    }
    for (; i < size; i++)
        out[i] = in[i];
}

void loma_copy_rows(char *out, const Image *img, ptrdiff_t from, ptrdiff_t to)
{
    const ptrdiff_t row = img->width * img->size, size = (to - from) * row;
    const int whole = img->pixel == img->size && img->row == row &&
                      img->to_row == row;
    if (whole && img->plane == size && img->to_plane == size) {
        memcpy(out + from * row, img->data + from * row, img->planes * size);
        return;
    }
    for (ptrdiff_t plane = 0; plane < img->planes; plane++) {
        const char *in = img->data + plane * img->plane + from * img->row;
        char *copy = out + plane * img->to_plane + from * img->to_row;
        if (whole) {
            memcpy(copy, in, size);
            continue;
        }
        for (ptrdiff_t y = from; y < to;
             y++, in += img->row, copy += img->to_row) {
            if (img->pixel == img->size)
                memcpy(copy, in, row);
            else if (img->size == 3)
                for (ptrdiff_t x = 0; x < img->width; x++)
                    memcpy(copy + x * 3, in + x * img->pixel, 3);
            else
                for (ptrdiff_t x = 0; x < img->width; x++)
                    copy_pixel(copy + x * img->size, in + x * img->pixel,
                               img->size);
        }
    }
}

/* out[i] = pixel at line[step * i] + column[step * i], for i < count, in each
 * plane. `last` is the image's last offset in memory. A pixel of 3 or 6 bytes moves as one word
 * of 4 or 8 where none of these words ends beyond the image's memory; the next
 * pixel covers the surplus, so the last one moves alone. */
static inline void gather(char *out, const Image *img, const int32_t *line,
                          const int32_t *column, ptrdiff_t count, int step,
                          int32_t greatest, int32_t last)
{
    const char *in = img->data;
#define GATHER(BYTES, WORD)                                                  \
    do {                                                                     \
        ptrdiff_t i = 0;                                                     \
        const ptrdiff_t words =                                              \
            greatest + WORD <= last + BYTES ? count - 1 : 0;                 \
        UNROLL                                                               \
        for (; i < words; i++)                                               \
            memcpy(out + i * BYTES, in + line[step * i] + column[step * i],  \
                   WORD);                                                    \
        for (; i < count; i++)                                               \
            memcpy(out + i * BYTES, in + line[step * i] + column[step * i],  \
                   BYTES);                                                   \
    } while (0)
    for (ptrdiff_t plane = 0; plane < img->planes;
         plane++, in += img->plane, out += img->to_plane)
        switch (img->size) {
        case 1: GATHER(1, 1); break;
        case 2: GATHER(2, 2); break;
        case 3: GATHER(3, 4); break;
        case 4: GATHER(4, 4); break;
        case 6: GATHER(6, 8); break;
        case 8: GATHER(8, 8); break;
        case 12: GATHER(12, 12); break;
        default:
            for (ptrdiff_t i = 0; i < count; i++)
                copy_pixel(out + i * img->size,
                           in + line[step * i] + column[step * i], img->size);
        }
#undef GATHER
}

/* The offset in bytes of the image's last pixel in memory. */
static int32_t last_offset(const Image *img)
{
    return (int32_t)((img->row > 0 ? (img->height - 1) * img->row : 0) +
                     (img->pixel > 0 ? (img->width - 1) * img->pixel : 0));
}

/* Any region. */
static void magnify_any(char *out, const Image *img, const Region *s,
                        ptrdiff_t top, ptrdiff_t bottom)
{
    const double x_max = (double)(img->width - 1);
    const double y_max = (double)(img->height - 1);
    const double r = fmax(s->r, LEAST_RADIUS);
    const int32_t last = last_offset(img);
    double scale[SEGMENT];
    Offsets column, line;
    for (ptrdiff_t y = top; y < bottom; y++) {
        const double dy = y - s->y;
        ptrdiff_t first, stop;
        loma_span(s, dy, img->width, &first, &stop);
        for (ptrdiff_t x = first; x < stop; x += SEGMENT) {
            const ptrdiff_t count = least_of(stop - x, SEGMENT);
            const int32_t n = in_vectors(count);
            loma_find_scales(scale, (int32_t)x, s->x, dy, r, n);
            loma_find_columns(&column, scale, (int32_t)x, s->x, 1, s->x, x_max,
                         (int32_t)img->pixel, n);
            loma_find_lines(&line, scale, dy, s->y, y_max, (int32_t)img->row, n);
            gather(out + y * img->to_row + x * img->size, img, line.offset,
                   column.offset, count, 1, line.most + column.most, last);
        }
    }
}

/* Regions around a pixel of the image. The four pixels at (+-dx, +-dy) mirror
 * each other: dx and dy are whole, so they share d / r to the bit, those of
 * one column the column they read from, those of one row its row. */
static void magnify_mirrored(char *out, const Image *img, const Region *s,
                             ptrdiff_t top, ptrdiff_t bottom)
{
    const double x_max = (double)(img->width - 1);
    const double y_max = (double)(img->height - 1);
    const double r = fmax(s->r, LEAST_RADIUS);
    const int32_t last = last_offset(img);
    const ptrdiff_t x_c = (ptrdiff_t)s->x, y_c = (ptrdiff_t)s->y;
    const ptrdiff_t down = bottom - 1 - y_c, up = y_c - top;
    const Region around_zero = {0, 0, s->r, s->a_x, s->a_y, s->shape};
    double scale[SEGMENT];
    Offsets column[2], line;
    /* Pixels of S in a row at dx = 0, 1, ...: fewer with every row. */
    ptrdiff_t first, beside;
    loma_span(&around_zero, 0, img->width, &first, &beside);
    for (ptrdiff_t dy = 0; dy <= down || dy <= up; dy++) {
        while (beside > 0 && !contains(s, (double)(beside - 1), (double)dy))
            beside--;
        /* Those that the image has on each side. */
        const ptrdiff_t sides[2] = {least_of(beside, img->width - x_c),
                                    least_of(beside, x_c + 1)};
        for (ptrdiff_t dx = 0; dx < sides[0] || dx < sides[1]; dx += SEGMENT) {
            const ptrdiff_t right = least_of(sides[0] - dx, SEGMENT);
            const ptrdiff_t left = least_of(sides[1] - dx, SEGMENT);
            const int32_t n = in_vectors(left > right ? left : right);
            loma_find_scales(scale, (int32_t)dx, 0, (double)dy, r, n);
            loma_find_columns(&column[0], scale, (int32_t)dx, 0, 1, s->x, x_max,
                         (int32_t)img->pixel, in_vectors(right));
            loma_find_columns(&column[1], scale, (int32_t)dx, 0, -1, s->x, x_max,
                         (int32_t)img->pixel, in_vectors(left));
            for (int above = 0; above <= (dy > 0); above++) {
                if (dy > (above ? up : down))
                    continue;
                const ptrdiff_t y = above ? y_c - dy : y_c + dy;
                char *to = out + y * img->to_row + x_c * img->size;
                loma_find_lines(&line, scale, y - s->y, s->y, y_max,
                           (int32_t)img->row, n);
                if (left > 0)
                    gather(to - (dx + left - 1) * img->size, img,
                           line.offset + left - 1, column[1].offset + left - 1,
                           left, -1, line.most + column[1].most, last);
                if (right > 0)
                    gather(to + dx * img->size, img, line.offset,
                           column[0].offset, right, 1,
                           line.most + column[0].most, last);
            }
        }
    }
}

/* Any region, bilinear; compare _bilinear() in image.py. */
CLONES
static void magnify_bilinear(char *out, const Image *img, const Region *s,
                             ptrdiff_t top, ptrdiff_t bottom)
{
    const double x_max = (double)(img->width - 1);
    const double y_max = (double)(img->height - 1);
    const double r = fmax(s->r, LEAST_RADIUS);
    for (ptrdiff_t j = top; j < bottom; j++) {
        ptrdiff_t first, stop;
        loma_span(s, j - s->y, img->width, &first, &stop);
        for (ptrdiff_t i = first; i < stop; i++) {
            const double dx = i - s->x, dy = j - s->y;
            const double scale = scale_at(dx, dy, r);
            const double x = source_at(scale, dx, s->x, x_max);
            const double y = source_at(scale, dy, s->y, y_max);
            const ptrdiff_t x_0 = (ptrdiff_t)x, y_0 = (ptrdiff_t)y;
            const char *a = img->data + y_0 * img->row + x_0 * img->pixel;
            const char *b = x_0 + 1 < img->width ? a + img->pixel : a;
            const ptrdiff_t below = y_0 + 1 < img->height ? img->row : 0;
            const double w_x = x - x_0, w_y = y - y_0;
            char *to = out + j * img->to_row + i * img->size;
/* A neighbour of weight 0 does not count, be it infinite. */
#define MIX(W, A, B) ((W) > 0 ? (1 - (W)) * (A) + (W) * (B) : (A))
#define BLEND(TYPE, ROUND)                                                \
    for (ptrdiff_t c = 0; c < img->channels; c++) {                       \
        const double upper = MIX(w_x, (double)((const TYPE *)a)[c],       \
                                 (double)((const TYPE *)b)[c]);           \
        const double lower = MIX(w_x, (double)((const TYPE *)(a + below))[c], \
                                 (double)((const TYPE *)(b + below))[c]); \
        ((TYPE *)to)[c] = (TYPE)ROUND(MIX(w_y, upper, lower));            \
    }                                                                     \
    break
            switch (img->format) {
            case 'B': BLEND(uint8_t, rint);
            case 'H': BLEND(uint16_t, rint);
            case 'f': BLEND(float, );
            case 'd': BLEND(double, );
            }
#undef BLEND
#undef MIX
        }
    }
}

void loma_move_pixels(char *out, const Image *img, const Region *s,
                      ptrdiff_t top, ptrdiff_t bottom)
{
    if (img->format)
        magnify_bilinear(out, img, s, top, bottom);
    else if (is_at_pixel(s, img))
        magnify_mirrored(out, img, s, top, bottom);
    else
        magnify_any(out, img, s, top, bottom);
}

void loma_magnify(char *out, const Image *img, const Region *s)
{
    ptrdiff_t top, bottom;
    if (!loma_rows(s, img->height, img->width, &top, &bottom)) {
        loma_copy_rows(out, img, 0, img->height);
        return;
    }
    /* The rows that are read again come last. */
    loma_copy_rows(out, img, 0, top);
    loma_copy_rows(out, img, bottom, img->height);
    loma_copy_rows(out, img, top, bottom);
    loma_move_pixels(out, img, s, top, bottom);
}
