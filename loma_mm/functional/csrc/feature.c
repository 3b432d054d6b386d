/* LOMA_F and FeatureMap Offset on contiguous float32 maps in a CPU's memory:
 * feature.py's gather and shift without passes over memory that can be spared.
 */
#include <stdlib.h>
#include <string.h>

#include "loops.h"

/* Values of a map that shift() works on at a time: 16 KiB. */
#define BAND 4096

typedef struct Task {
    void (*run)(const struct Task *);
    const float *x;
    float *out;
    ptrdiff_t maps, height, width;
    /* gather: out[target[i]] = x[source[i]], or its adjoint */
    const int32_t *target, *source;
    ptrdiff_t moved;
    /* shift, that many rows at a time, and room for them */
    Offset horizontal, vertical;
    ptrdiff_t band;
    float *rows;
} Task;

static inline ptrdiff_t clip(ptrdiff_t value, ptrdiff_t low,
                              ptrdiff_t high)
{
    return value < low ? low : value > high ? high : value;
}

static void gather(const Task *t)
{
    const ptrdiff_t cells = t->height * t->width;
    for (ptrdiff_t map = 0; map < t->maps; map++) {
        const float *x = t->x + map * cells;
        float *out = t->out + map * cells;
        memcpy(out, x, cells * sizeof(float));
        for (ptrdiff_t i = 0; i < t->moved; i++)
            out[t->target[i]] = x[t->source[i]];
    }
}

static void scatter(const Task *t)
{
    const ptrdiff_t cells = t->height * t->width;
    for (ptrdiff_t map = 0; map < t->maps; map++) {
        const float *x = t->x + map * cells;
        float *out = t->out + map * cells;
        memcpy(out, x, cells * sizeof(float));
        for (ptrdiff_t i = 0; i < t->moved; i++)
            out[t->target[i]] = 0;
        for (ptrdiff_t i = 0; i < t->moved; i++)
            out[t->source[i]] += x[t->target[i]];
    }
}

static inline void zero(float *out, ptrdiff_t from, ptrdiff_t to)
{
    if (to > from)
        memset(out + from, 0, (to - from) * sizeof(float));
}

/* out[k - first] = w_0 * x[k - d_0] + w_1 * x[k - d_0 - d] for first <= k <
 * end, where x has `size` values and is 0 elsewhere. */
static inline void blend(float *out, const float *x, ptrdiff_t size,
                         ptrdiff_t first, ptrdiff_t end, ptrdiff_t d_0,
                         ptrdiff_t d, float w_0, float w_1)
{
    const ptrdiff_t d_1 = d_0 + d;
    out -= first;
    if (w_1 == 0) {
        const ptrdiff_t low = clip(d_0, first, end);
        const ptrdiff_t high = clip(d_0 + size, low, end);
        zero(out, first, low);
        memcpy(out + low, x + low - d_0, (high - low) * sizeof(float));
        zero(out, high, end);
        return;
    }
    const ptrdiff_t one = clip(d_0, first, end), both = clip(d_1, one, end);
    const ptrdiff_t less = clip(d_0 + size, both, end);
    const ptrdiff_t none = clip(d_1 + size, less, end);
    zero(out, first, one);
    for (ptrdiff_t k = one; k < both; k++)
        out[k] = k < d_0 + size ? w_0 * x[k - d_0] : 0;
    for (ptrdiff_t k = both; k < less; k++)
        out[k] = w_0 * x[k - d_0] + w_1 * x[k - d_1];
    for (ptrdiff_t k = less; k < none; k++)
        out[k] = w_1 * x[k - d_1];
    zero(out, none, end);
}

/* A map is moved as one long row, some rows of it at a time; then the columns
 * are mended into which the neighbouring row has moved. */
CLONES
static void shift(const Task *t)
{
    const ptrdiff_t height = t->height, width = t->width;
    const ptrdiff_t cells = height * width;
    const Offset v = t->vertical, h = t->horizontal;
    /* Columns [first, end) are right but for one beside the border, `edge`,
     * that mixes the column `mixed` with zeros. */
    const int fraction = h.w_1 != 0;
    const ptrdiff_t first = clip(h.whole + fraction, 0, width);
    const ptrdiff_t end = clip(h.whole + width, 0, width);
    const ptrdiff_t edge = h.whole >= 0 ? h.whole : h.whole + width;
    const ptrdiff_t mixed = h.whole >= 0 ? 0 : width - 1;
    const float weight = h.whole >= 0 ? h.w_0 : h.w_1;
    const ptrdiff_t band = t->band;
    float *rows = t->rows;

    for (ptrdiff_t map = 0; map < t->maps; map++) {
        const float *x = t->x + map * cells;
        float *out = t->out + map * cells;
        for (ptrdiff_t y = 0; y < height; y += band) {
            const ptrdiff_t stop = y + band < height ? y + band : height;
            const ptrdiff_t size = (stop - y) * width;
            float *to = out + y * width;
            if (v.w_1 == 0 && !fraction) {
                blend(to, x, cells, y * width, stop * width,
                      v.whole * width + h.whole, 0, 1, 0);
            } else {
                blend(rows, x, cells, y * width, stop * width,
                      v.whole * width, width, v.w_0, v.w_1);
                blend(to, rows, size, 0, size, h.whole, 1, h.w_0, h.w_1);
            }
            if (first == 0 && end == width)
                continue;
            for (ptrdiff_t i = 0; i < stop - y; i++, to += width) {
                for (ptrdiff_t c = 0; c < first; c++)
                    to[c] = 0;
                for (ptrdiff_t c = end; c < width; c++)
                    to[c] = 0;
                if (fraction && edge >= 0 && edge < width)
                    to[edge] = weight * rows[i * width + mixed];
            }
        }
    }
}

static void run_some(void *whole, ptrdiff_t first, ptrdiff_t end, int thread)
{
    Task task = *(Task *)whole;
    const ptrdiff_t cells = task.height * task.width;
    task.maps = end - first;
    task.x += first * cells;
    task.out += first * cells;
    task.rows += thread * task.band * task.width;
    task.run(&task);
}

static void run(Task task, int threads)
{
    loma_share(run_some, &task, task.maps, threads);
}

int loma_gather(float *out, const float *x, ptrdiff_t maps, ptrdiff_t cells,
                const int64_t *index, int adjoint, int threads)
{
    int32_t *moved = malloc(2 * cells * sizeof(int32_t));
    if (!moved)
        return -1;
    Task task = {.run = adjoint ? scatter : gather, .x = x, .out = out,
                 .maps = maps, .height = 1, .width = cells,
                 .target = moved, .source = moved + cells};
    for (ptrdiff_t i = 0; i < cells; i++)
        if (index[i] != i) {
            moved[task.moved] = (int32_t)i;
            moved[cells + task.moved++] = (int32_t)index[i];
        }
    run(task, threads);
    free(moved);
    return 0;
}

int loma_shift(float *out, const float *x, ptrdiff_t maps, ptrdiff_t height,
               ptrdiff_t width, Offset horizontal, Offset vertical,
               int threads)
{
    /* A few rows stay in the innermost cache. */
    const ptrdiff_t band = clip(BAND / width, 1, height);
    float *rows = malloc(threads * band * width * sizeof(float));
    if (!rows)
        return -1;
    run((Task){.run = shift, .x = x, .out = out, .maps = maps,
               .height = height, .width = width, .horizontal = horizontal,
               .vertical = vertical, .band = band, .rows = rows},
        threads);
    free(rows);
    return 0;
}
