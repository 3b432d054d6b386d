/* Boxes that follow the pixels: labels.py's _repaint without the painting. */
#include <stdlib.h>

#include "region.h"

/* A word has a bit for each box: whether it covers a row or column (own), and
 * whether something of it is seen there after magnification. before[k] and
 * from[k] are what the lines below k cover together, and those from k on. */
typedef struct {
    uint64_t *own, *before, *from, *seen;
} Lines;

static uint64_t *lay_out(Lines *l, uint64_t *words, ptrdiff_t size)
{
    l->own = words;
    l->before = words + size;
    l->from = words + 2 * size + 1;
    l->seen = words + 3 * size + 2;
    return words + 4 * size + 2;
}

/* Boxes [first, end) along one axis, at most 64. */
static void cover(Lines *l, ptrdiff_t size, const int64_t *first,
                  const int64_t *end, ptrdiff_t boxes)
{
    for (ptrdiff_t k = 0; k < size; k++)
        l->own[k] = l->seen[k] = 0;
    for (ptrdiff_t n = 0; n < boxes; n++)
        for (int64_t k = first[4 * n]; k < end[4 * n]; k++)
            l->own[k] |= (uint64_t)1 << n;
    l->before[0] = l->from[size] = 0;
    for (ptrdiff_t k = 0; k < size; k++)
        l->before[k + 1] = l->before[k] | l->own[k];
    for (ptrdiff_t k = size; k > 0; k--)
        l->from[k - 1] = l->from[k] | l->own[k - 1];
}

/* What is seen outside S: in each line of one axis, where the lines of the
 * other axis that are no part of S cover it too. */
static void see_outside(const Region *s, double center, Lines *l,
                        ptrdiff_t size, const Lines *other, ptrdiff_t length)
{
    for (ptrdiff_t k = 0; k < size; k++) {
        ptrdiff_t first, end;
        loma_span(s, k - center, length, &first, &end);
        l->seen[k] = l->own[k] & (other->before[first] | other->from[end]);
    }
}

static void see_inside(const Region *s, Lines *columns, Lines *rows,
                       ptrdiff_t height, ptrdiff_t width, ptrdiff_t top,
                       ptrdiff_t bottom)
{
    const double r = fmax(s->r, LEAST_RADIUS);
    double scale[SEGMENT];
    Offsets column, line;
    for (ptrdiff_t y = top; y < bottom; y++) {
        ptrdiff_t first, end;
        uint64_t any = 0;
        loma_span(s, y - s->y, width, &first, &end);
        for (ptrdiff_t x = first; x < end; x += SEGMENT) {
            const ptrdiff_t count = end - x < SEGMENT ? end - x : SEGMENT;
            const int32_t n = in_vectors(count);
            loma_find_scales(scale, (int32_t)x, s->x, y - s->y, r, n);
            loma_find_columns(&column, scale, (int32_t)x, s->x, 1, s->x,
                         (double)(width - 1), 1, n);
            loma_find_lines(&line, scale, y - s->y, s->y, (double)(height - 1), 1, n);
            for (ptrdiff_t i = 0; i < count; i++) {
                const uint64_t seen = columns->own[column.offset[i]] &
                                      rows->own[line.offset[i]];
                columns->seen[x + i] |= seen;
                any |= seen;
            }
        }
        rows->seen[y] |= any;
    }
}

/* The first and the last line + 1 in which each box is seen; else 0. */
static void bound(const Lines *l, ptrdiff_t size, int64_t *first, int64_t *end,
                  ptrdiff_t boxes)
{
    for (ptrdiff_t n = 0; n < boxes; n++) {
        ptrdiff_t low = 0, high = size;
        while (low < size && !(l->seen[low] >> n & 1))
            low++;
        while (high > low && !(l->seen[high - 1] >> n & 1))
            high--;
        first[4 * n] = low < size ? low : 0;
        end[4 * n] = low < size ? high : 0;
    }
}

int loma_magnify_boxes(int64_t *out, const int64_t *boxes, ptrdiff_t count,
                       const Region *s, ptrdiff_t height, ptrdiff_t width)
{
    const Region turned = {s->y, s->x, s->r, s->a_y, s->a_x, s->shape};
    uint64_t *words = malloc((4 * (height + width) + 4) * sizeof *words);
    ptrdiff_t top, bottom;
    Lines columns, rows;
    if (!words)
        return -1;
    lay_out(&rows, lay_out(&columns, words, width), height);
    const int moves = loma_rows(s, height, width, &top, &bottom);
    for (ptrdiff_t n = 0; n < count; n += 64, boxes += 4 * 64, out += 4 * 64) {
        const ptrdiff_t now = count - n < 64 ? count - n : 64;
        cover(&columns, width, boxes, boxes + 2, now);
        cover(&rows, height, boxes + 1, boxes + 3, now);
        if (moves) {
            see_outside(&turned, s->x, &columns, width, &rows, height);
            see_outside(s, s->y, &rows, height, &columns, width);
            see_inside(s, &columns, &rows, height, width, top, bottom);
        } else {
            for (ptrdiff_t x = 0; x < width; x++)
                columns.seen[x] = columns.own[x] & rows.before[height];
            for (ptrdiff_t y = 0; y < height; y++)
                rows.seen[y] = rows.own[y] & columns.before[width];
        }
        bound(&columns, width, out, out + 2, now);
        bound(&rows, height, out + 1, out + 3, now);
    }
    free(words);
    return 0;
}
