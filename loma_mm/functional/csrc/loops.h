/* What the compiled loops share, and what they offer to module.c. They know
 * nothing of Python, check no argument and need no lock.
 */
#ifndef LOMA_MM_LOOPS_H
#define LOMA_MM_LOOPS_H

#include <stddef.h>
#include <stdint.h>

/* CLONES before a function: one source, several instruction sets; the loader
 * picks at run time (too early for AddressSanitizer). */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && \
    defined(__linux__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif

/* UNROLL before a loop. */
#if defined(__GNUC__) && !defined(__clang__)
#define UNROLL _Pragma("GCC unroll 4")
#define IN_VECTORS _Pragma("GCC unroll 1")
#else
#define UNROLL
#define IN_VECTORS
#endif

/* image.c */

enum { RHOMBUS, ELLIPSE, RECTANGLE };

typedef struct {
    double x, y, r, a_x, a_y;
    int shape;
} Region;

/* An image whose offsets in bytes fit 32 bits and which is not empty. */
typedef struct {
    const char *data;
    ptrdiff_t height, width;
    ptrdiff_t row, pixel; /* strides in bytes, of either sign */
    ptrdiff_t size;       /* bytes of one pixel */
    ptrdiff_t channels;
    char format;          /* of one value, for bilinear: B, H, f or d; else 0 */
    ptrdiff_t to_row;     /* stride of the output, whose pixels are adjacent */
    /* Maps of one image that are magnified alike, and their strides; 1 for
     * bilinear. */
    ptrdiff_t planes, plane, to_plane;
} Image;

/* Write the magnified image to out. */
void loma_magnify(char *out, const Image *img, const Region *s);

/* Its rows [from, to) as they are. */
void loma_copy_rows(char *out, const Image *img, ptrdiff_t from, ptrdiff_t to);

/* The pixels of S, all of which lies in the rows [top, bottom). */
void loma_move_pixels(char *out, const Image *img, const Region *s,
                      ptrdiff_t top, ptrdiff_t bottom);

/* batch.c */

/* What is drawn for an image of a batch: nothing, or a region, and how much of
 * the image is no padding. */
typedef struct {
    int magnified;
    Region region;
    ptrdiff_t height, width;
} Drawn;

typedef struct {
    Image first;
    ptrdiff_t step, to_step; /* strides from image to image */
    const Drawn *drawn;
} Batch;

void loma_magnify_batch(char *out, const Batch *batch, ptrdiff_t count,
                        int threads);

/* boxes.c */

/* Write the boxes around what is left of each box, zeros where nothing is, to
 * out: x1, y1, x2, y2, pixels of the image, ends exclusive. Returns 0, or -1
 * for want of memory. */
int loma_magnify_boxes(int64_t *out, const int64_t *boxes, ptrdiff_t count,
                       const Region *s, ptrdiff_t height, ptrdiff_t width);

/* threads.c */

enum { MOST_THREADS = 64 };

/* Share items [0, count) between threads: work(task, first, end, thread). They
 * live for this call alone: nothing is left behind for a fork to break. */
void loma_share(void (*work)(void *, ptrdiff_t, ptrdiff_t, int), void *task,
                ptrdiff_t count, int threads);

/* feature.c */

/* An offset along one axis: out[k] = w_0 * x[k - whole] + w_1 * x[k - whole
 * - 1], as in feature.py. */
typedef struct {
    ptrdiff_t whole;
    float w_0, w_1;
} Offset;

/* out[i] = x[index[i]] in each map of that many cells, or its adjoint. Returns
 * 0, or -1 for want of memory. */
int loma_gather(float *out, const float *x, ptrdiff_t maps, ptrdiff_t cells,
                const int64_t *index, int adjoint, int threads);

/* Move the maps, zeros entering; offsets lie in [-size - 1, size]. Returns 0,
 * or -1 for want of memory. */
int loma_shift(float *out, const float *x, ptrdiff_t maps, ptrdiff_t height,
               ptrdiff_t width, Offset horizontal, Offset vertical,
               int threads);

#endif
