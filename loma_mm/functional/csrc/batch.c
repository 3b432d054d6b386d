/* Magnification of a batch of images: batch.py's magnify_table. */
#include <string.h>

#include "region.h"

/* Pixels of an image that are moved at a time. */
#define MOST_MOVES 512

/* out[to[i]] = in[from[i]], offsets in bytes. */
typedef struct {
    int32_t to[MOST_MOVES], from[MOST_MOVES];
} Moves;

/* In each plane; three share the reading of the offsets. */
static void move(char *out, const Image *img, const Moves *m, ptrdiff_t count)
{
    const ptrdiff_t plane = img->plane, to_plane = img->to_plane;
    const char *in = img->data;
    ptrdiff_t left = img->planes;
#define MOVE(WORD)                                                           \
    for (; left >= 3; left -= 3, in += 3 * plane, out += 3 * to_plane)       \
        for (ptrdiff_t i = 0; i < count; i++) {                              \
            const char *from = in + m->from[i];                              \
            char *to = out + m->to[i];                                       \
            WORD a, b, c;                                                    \
            memcpy(&a, from, sizeof a);                                      \
            memcpy(&b, from + plane, sizeof b);                              \
            memcpy(&c, from + 2 * plane, sizeof c);                          \
            memcpy(to, &a, sizeof a);                                        \
            memcpy(to + to_plane, &b, sizeof b);                             \
            memcpy(to + 2 * to_plane, &c, sizeof c);                         \
        }                                                                    \
    for (; left; left--, in += plane, out += to_plane)                       \
        UNROLL                                                               \
        for (ptrdiff_t i = 0; i < count; i++)                                \
            memcpy(out + m->to[i], in + m->from[i], sizeof(WORD));           \
    break
    switch (img->size) {
    case 1: MOVE(uint8_t);
    case 2: MOVE(uint16_t);
    case 4: MOVE(uint32_t);
    case 8: MOVE(uint64_t);
    }
#undef MOVE
}

/* Add the pixels at to, to + step, ... to the moves from number n on. Returns
 * the number after them; what is written beyond it counts for nothing. */
static inline ptrdiff_t add_moves(Moves *m, ptrdiff_t n, int32_t to,
                                  int32_t step, const int32_t *line,
                                  const int32_t *column, ptrdiff_t count)
{
    if (count <= 0)
        return n;
    IN_VECTORS
    for (int32_t i = 0; i < VECTOR; i++) {
        m->to[n + i] = to + i * step;
        m->from[n + i] = line[i] + column[i];
    }
    return n + (count < VECTOR ? count : VECTOR);
}

/* image.c's magnify_mirrored() in planes of 1, 2, 4 or 8 bytes a pixel, and the
 * copy of all of the image, padding too, before the first pixel moves. The moves
 * are collected: a loop costs more to begin than the few pixels on one side of a
 * small image's row. */
CLONES
static void magnify_planes(char *out, const Image *all, const Image *img,
                           const Region *s)
{
    const double x_max = (double)(img->width - 1);
    const double y_max = (double)(img->height - 1);
    const double r = fmax(s->r, LEAST_RADIUS);
    const double reach = s->r / (s->shape == ELLIPSE ? sqrt(s->a_x) : s->a_x);
    const int32_t pixel = (int32_t)img->pixel, size = (int32_t)img->size;
    const int32_t row = (int32_t)img->row;
    const ptrdiff_t x_c = (ptrdiff_t)s->x, y_c = (ptrdiff_t)s->y;
    const ptrdiff_t down = img->height - 1 - y_c, up = y_c;
    double scale[VECTOR];
    int32_t column[2][VECTOR], line[VECTOR];
    int copied = 0;
    Moves m;
    /* Pixels of S in a row at dx = 0, 1, ...: fewer with every row. */
    ptrdiff_t n = 0, beside = clip(reach, 0, img->width) + 2;
    for (ptrdiff_t dy = 0; dy <= down || dy <= up; dy++) {
        while (beside > 0 && !contains(s, (double)(beside - 1), (double)dy))
            beside--;
        if (!beside)
            break;
        /* Those that the image has on each side. */
        ptrdiff_t right = img->width - x_c, left = x_c + 1;
        right = beside < right ? beside : right;
        left = beside < left ? beside : left;
        for (int32_t dx = 0; dx < right || dx < left; dx += VECTOR) {
            if (n > MOST_MOVES - 4 * VECTOR) {
                if (!copied)
                    loma_copy_rows(out, all, 0, all->height);
                copied = 1;
                move(out, img, &m, n);
                n = 0;
            }
            IN_VECTORS
            for (int32_t i = 0; i < VECTOR; i++)
                scale[i] = scale_at(dx + i, (double)dy, r);
            IN_VECTORS
            for (int32_t i = 0; i < VECTOR; i++) {
                const double d = dx + i;
                column[0][i] =
                    (int32_t)source_at(scale[i], d, s->x, x_max) * pixel;
                column[1][i] =
                    (int32_t)source_at(scale[i], -d, s->x, x_max) * pixel;
            }
            for (int above = 0; above <= (dy > 0); above++) {
                if (dy > (above ? up : down))
                    continue;
                const ptrdiff_t y = above ? y_c - dy : y_c + dy;
                const int32_t to = (int32_t)(y * img->to_row + x_c * size);
                IN_VECTORS
                for (int32_t i = 0; i < VECTOR; i++)
                    line[i] =
                        (int32_t)source_at(scale[i], y - s->y, s->y, y_max) * row;
                n = add_moves(&m, n, to + dx * size, size, line, column[0],
                              right - dx);
                n = add_moves(&m, n, to - dx * size, -size, line, column[1],
                              left - dx);
            }
        }
    }
    if (!copied)
        loma_copy_rows(out, all, 0, all->height);
    move(out, img, &m, n);
}

static void magnify_one(char *out, const Image *all, const Drawn *drawn)
{
    const Region *s = &drawn->region;
    const ptrdiff_t size = all->size;
    Image img = *all;
    ptrdiff_t top, bottom;
    /* Without the padding below and on the right. */
    img.height = drawn->height;
    img.width = drawn->width;
    if (drawn->magnified && is_at_pixel(s, &img) &&
        (size == 1 || size == 2 || size == 4 || size == 8)) {
        magnify_planes(out, all, &img, s);
        return;
    }
    loma_copy_rows(out, all, 0, all->height);
    if (drawn->magnified && img.height && img.width &&
        loma_rows(s, img.height, img.width, &top, &bottom))
        loma_move_pixels(out, &img, s, top, bottom);
}

typedef struct {
    char *out;
    const Batch *batch;
} Task;

static void magnify_some(void *task, ptrdiff_t first, ptrdiff_t end, int thread)
{
    const Batch *b = ((Task *)task)->batch;
    Image img = b->first;
    (void)thread;
    for (ptrdiff_t n = first; n < end; n++) {
        img.data = b->first.data + n * b->step;
        magnify_one(((Task *)task)->out + n * b->to_step, &img, &b->drawn[n]);
    }
}

void loma_magnify_batch(char *out, const Batch *batch, ptrdiff_t count,
                        int threads)
{
    Task task = {out, batch};
    loma_share(magnify_some, &task, count, threads);
}
