/* Magnification of an image, compiled: image.py's magnify_image, bit by bit
 * what its NumPy form gives in float64.
 *
 * A row of S is found by its two ends, not by a mask. Nearest: around a
 * centre at whole coordinates, as Algorithm 1 draws it, four pixels mirror
 * each other: their source offsets are computed once, in float32 and fixed
 * point, which vectorises well, and the few that come so close to a whole
 * number that rounding could change their floor are computed again in
 * float64. All else is computed in float64 throughout, in the order of
 * operations of region.py (this file must not be compiled with fused
 * multiply-add).
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "_clones.h"

/* Pixels whose offsets are computed at a time: any region, whole centres. */
#define BLOCK 32
#define SEGMENT 256

enum { RHOMBUS, ELLIPSE, RECTANGLE };

typedef struct {
    double x, y, r, a_x, a_y;
    int shape;
} Region;

typedef struct {
    const char *data;
    Py_ssize_t height, width;
    Py_ssize_t row, pixel; /* strides in bytes, of either sign */
    Py_ssize_t size;       /* bytes of one pixel */
    Py_ssize_t channels;
    char format;           /* of one value, for bilinear: B, H, f or d */
} Image;

/* Eq 1, Eq 2 or the l-infinity norm; compare region.py. */
static inline int contains(const Region *s, double dx, double dy)
{
    if (s->shape == RHOMBUS)
        return s->a_x * fabs(dx) + s->a_y * fabs(dy) < s->r;
    if (s->shape == ELLIPSE)
        return s->a_x * dx * dx + s->a_y * dy * dy < s->r * s->r;
    return (s->a_x * fabs(dx) < s->r) & (s->a_y * fabs(dy) < s->r);
}

static inline Py_ssize_t clip(double value, Py_ssize_t low, Py_ssize_t high)
{
    return value <= low ? low : value >= high ? high : (Py_ssize_t)value;
}

static inline Py_ssize_t least_of(Py_ssize_t a, Py_ssize_t b)
{
    return a < b ? a : b;
}

/* The columns [*first, *end) of S in the row at dy from the centre. */
static void span(const Region *s, double dy, Py_ssize_t width,
                 Py_ssize_t *first, Py_ssize_t *end)
{
    double half = 0;
    if (s->shape == RHOMBUS)
        half = (s->r - s->a_y * fabs(dy)) / s->a_x;
    else if (s->shape == ELLIPSE)
        half = sqrt(fmax((s->r * s->r - s->a_y * dy * dy) / s->a_x, 0));
    else if (s->a_y * fabs(dy) < s->r)
        half = s->r / s->a_x;
    half = fmax(half, 0);
    Py_ssize_t low = clip(ceil(s->x - half), 0, width);
    Py_ssize_t high = clip(floor(s->x + half) + 1, low, width);
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

/* Where the pixel at (dx, dy) from the centre reads from: Eq 3, compare
 * region.py, clamped to the image. */
static inline void source(const Region *s, const Image *img, double dx,
                          double dy, double *x, double *y)
{
    const double x_max = img->width - 1, y_max = img->height - 1;
    const double scale = sqrt(dx * dx + dy * dy) / s->r;
    const double x_o = scale * dx + s->x, y_o = scale * dy + s->y;
    *x = x_o < 0 ? 0 : x_o > x_max ? x_max : x_o;
    *y = y_o < 0 ? 0 : y_o > y_max ? y_max : y_o;
}

/* The same as an offset in bytes, floored. */
static inline int32_t source_offset(const Region *s, const Image *img,
                                    double dx, double dy)
{
    double x, y;
    source(s, img, dx, dy, &x, &y);
    return (int32_t)y * (int32_t)img->row + (int32_t)x * (int32_t)img->pixel;
}

/* memcpy for sizes that the compiler does not know, in line. */
static inline void copy_pixel(char *out, const char *in, Py_ssize_t size)
{
    Py_ssize_t i = 0;
    if (size >= 8) {
        for (; i < size - 8; i += 8)
            memcpy(out + i, in + i, 8);
        memcpy(out + size - 8, in + size - 8, 8);
        return;
    }
    for (; i < size; i++)
        out[i] = in[i];
}

static void copy_rows(char *out, const Image *img, Py_ssize_t from,
                      Py_ssize_t to)
{
    const Py_ssize_t row = img->width * img->size;
    if (img->pixel == img->size && img->row == row) {
        memcpy(out + from * row, img->data + from * row, (to - from) * row);
        return;
    }
    for (Py_ssize_t y = from; y < to; y++) {
        const char *in = img->data + y * img->row;
        char *copy = out + y * row;
        if (img->pixel == img->size)
            memcpy(copy, in, row);
        else if (img->size == 3)
            for (Py_ssize_t x = 0; x < img->width; x++)
                memcpy(copy + x * 3, in + x * img->pixel, 3);
        else
            for (Py_ssize_t x = 0; x < img->width; x++)
                copy_pixel(copy + x * img->size, in + x * img->pixel,
                           img->size);
    }
}

/* out[i] = in[sign * offset[step * i]] for i < count, in whole pixels. A
 * pixel of 3 or 6 bytes moves as one word of 4 or 8 where `wide`; the next
 * one covers the surplus, so the last one moves alone. */
static inline void gather(char *out, const char *in, const int32_t *offset,
                          Py_ssize_t count, Py_ssize_t size, int step,
                          int sign, int wide)
{
#define GATHER(BYTES, WORD)                                              \
    do {                                                                 \
        Py_ssize_t i = 0;                                                \
        const Py_ssize_t words = wide ? count - 1 : 0;                   \
        for (; i < words; i++)                                           \
            memcpy(out + i * BYTES, in + sign * offset[step * i], WORD); \
        for (; i < count; i++)                                           \
            memcpy(out + i * BYTES, in + sign * offset[step * i], BYTES);\
    } while (0)
    switch (size) {
    case 1: GATHER(1, 1); break;
    case 2: GATHER(2, 2); break;
    case 3: GATHER(3, 4); break;
    case 4: GATHER(4, 4); break;
    case 6: GATHER(6, 8); break;
    case 8: GATHER(8, 8); break;
    case 12: GATHER(12, 12); break;
    default:
        for (Py_ssize_t i = 0; i < count; i++)
            copy_pixel(out + i * size, in + sign * offset[step * i], size);
    }
#undef GATHER
}

/* Any region. */
CLONES
static void magnify_any(char *out, const Image *img, const Region *s,
                        Py_ssize_t top, Py_ssize_t bottom)
{
    copy_rows(out, img, top, bottom);
    for (Py_ssize_t y = top; y < bottom; y++) {
        Py_ssize_t first, stop;
        span(s, y - s->y, img->width, &first, &stop);
        for (Py_ssize_t x = first; x < stop; x += BLOCK) {
            int32_t offset[BLOCK];
            for (int i = 0; i < BLOCK; i++)
                offset[i] = source_offset(s, img, (double)(x + i) - s->x,
                                          (double)y - s->y);
            gather(out + (y * img->width + x) * img->size, img->data, offset,
                   stop - x < BLOCK ? stop - x : BLOCK, img->size, 1, 1, 0);
        }
    }
}

/* Any region, bilinear; compare _bilinear() in image.py. */
CLONES
static void magnify_bilinear(char *out, const Image *img, const Region *s,
                             Py_ssize_t top, Py_ssize_t bottom)
{
    copy_rows(out, img, top, bottom);
    for (Py_ssize_t j = top; j < bottom; j++) {
        Py_ssize_t first, stop;
        span(s, j - s->y, img->width, &first, &stop);
        for (Py_ssize_t i = first; i < stop; i++) {
            double x, y;
            source(s, img, i - s->x, j - s->y, &x, &y);
            const Py_ssize_t x_0 = (Py_ssize_t)x, y_0 = (Py_ssize_t)y;
            const char *a = img->data + y_0 * img->row + x_0 * img->pixel;
            const char *b = x_0 + 1 < img->width ? a + img->pixel : a;
            const Py_ssize_t below = y_0 + 1 < img->height ? img->row : 0;
            const double w_x = x - x_0, w_y = y - y_0;
            char *to = out + (j * img->width + i) * img->size;
#define BLEND(TYPE, ROUND)                                                \
    for (Py_ssize_t c = 0; c < img->channels; c++) {                      \
        const double upper = (1 - w_x) * ((const TYPE *)a)[c] +           \
                             w_x * ((const TYPE *)b)[c];                  \
        const double lower = (1 - w_x) * ((const TYPE *)(a + below))[c] + \
                             w_x * ((const TYPE *)(b + below))[c];        \
        ((TYPE *)to)[c] = (TYPE)ROUND((1 - w_y) * upper + w_y * lower);   \
    }                                                                     \
    break
            switch (img->format) {
            case 'B': BLEND(uint8_t, rint);
            case 'H': BLEND(uint16_t, rint);
            case 'f': BLEND(float, );
            case 'd': BLEND(double, );
            }
#undef BLEND
        }
    }
}

/* Offsets relative to the centre's own, for pixels dx = first, first + 1, ...
 * of one row right of and below the centre. x_o and y_o being their parts in
 * bytes, the mirrored pixels need their sum and difference alone. */
typedef struct {
    int32_t sum[SEGMENT], difference[SEGMENT];
    /* Distance to a whole number in units of 2^-bits, plus 1: below 2 the
     * floor is not sure. */
    uint32_t rest[SEGMENT];
} Offsets;

/* Eq 3 in float32, with `bits` binary places kept. `scale_max` keeps d / r
 * below 1 where it is. Returns the least rest. */
CLONES
static uint32_t find_offsets(Offsets *o, int first, int count, int dy,
                             float unit, float scale_max, int bits,
                             int32_t row, int32_t pixel)
{
    const float dy_f = (float)dy, dy_2 = dy_f * dy_f;
    const uint32_t mask = (1u << bits) - 1;
    uint32_t least = mask;
    for (int i = 0; i < count; i++) {
        const float dx = (float)(first + i);
        float scale = sqrtf(dx * dx + dy_2) * unit;
        scale = scale < scale_max ? scale : scale_max;
        const uint32_t u = (uint32_t)(int32_t)(scale * dx);
        const uint32_t v = (uint32_t)(int32_t)(scale * dy_f);
        const int32_t x_o = (int32_t)(u >> bits) * pixel;
        const int32_t y_o = (int32_t)(v >> bits) * row;
        const uint32_t rest_x = (u + 1) & mask;
        const uint32_t rest_y = dy ? (v + 1) & mask : mask;
        o->rest[i] = rest_x < rest_y ? rest_x : rest_y;
        least = o->rest[i] < least ? o->rest[i] : least;
        o->sum[i] = y_o + x_o;
        o->difference[i] = y_o - x_o;
    }
    return least;
}

/* Regions around a pixel of the image that read from inside it alone. */
static void magnify_whole(char *out, const Image *img, const Region *s,
                          Py_ssize_t top, Py_ssize_t bottom,
                          Py_ssize_t widest, float scale_max, int bits)
{
    const Py_ssize_t x_c = (Py_ssize_t)s->x, y_c = (Py_ssize_t)s->y;
    const Py_ssize_t size = img->size;
    const Py_ssize_t down = bottom - 1 - y_c, up = y_c - top;
    const int32_t row = (int32_t)img->row, pixel = (int32_t)img->pixel;
    const char *center = img->data + y_c * img->row + x_c * img->pixel;
    const float unit = (float)(ldexp(1, bits) / s->r);
    /* Pixels of S beside the centre, on each side: fewer with every row. */
    Py_ssize_t beside = widest;
    Offsets o;

    for (Py_ssize_t dy = 0; dy <= (down > up ? down : up); dy++) {
        while (beside >= 0 && !contains(s, (double)beside, (double)dy))
            beside--;
        const Py_ssize_t left = least_of(beside, x_c);
        const Py_ssize_t right = least_of(beside, img->width - 1 - x_c);
        /* Two rows mirror each other; at dy = 0 they are one. */
        for (int above = 0; above <= (dy > 0); above++) {
            const Py_ssize_t y = above ? y_c - dy : y_c + dy;
            if (dy > (above ? up : down))
                continue;
            copy_rows(out, img, y, y + 1);
            if (beside >= 0)
                memcpy(out + (y * img->width + x_c) * size,
                       img->data + source_offset(s, img, 0, y - s->y), size);
        }
        for (Py_ssize_t first = 1; first <= left || first <= right;
             first += SEGMENT) {
            const int l = (int)least_of(left - first + 1, SEGMENT);
            const int r = (int)least_of(right - first + 1, SEGMENT);
            const uint32_t rest =
                find_offsets(&o, (int)first, l > r ? l : r, (int)dy, unit,
                             scale_max, bits, row, pixel);
            for (int above = 0; above <= (dy > 0); above++) {
                const Py_ssize_t y = above ? y_c - dy : y_c + dy;
                if (dy > (above ? up : down))
                    continue;
                char *to = out + (y * img->width + x_c) * size;
                /* The floor of -a is -1 less the floor of a. */
                const char *in = above ? center - row : center;
                /* Nothing here reads from the image's last column, nor, but
                 * in the centre's row, from its last row: a word that starts
                 * at a pixel ends inside the image's memory. */
                const int wide =
                    pixel > 1 || (row > 1 && (dy || y_c + 1 < img->height));
                if (l > 0)
                    gather(to - (first - 1 + l) * size, in - pixel,
                           (above ? o.sum : o.difference) + l - 1, l, size,
                           -1, above ? -1 : 1, wide);
                gather(to + first * size, in, above ? o.difference : o.sum, r,
                       size, 1, above ? -1 : 1, wide);
                if (rest > 1)
                    continue;
                for (int i = 0; i < l || i < r; i++) {
                    const double dx = (double)(first + i);
                    if (o.rest[i] > 1)
                        continue;
                    if (i < l)
                        memcpy(to - (first + i) * size, img->data +
                               source_offset(s, img, -dx, y - s->y), size);
                    if (i < r)
                        memcpy(to + (first + i) * size, img->data +
                               source_offset(s, img, dx, y - s->y), size);
                }
            }
        }
    }
}

static double norm_reach(const Region *s, double a)
{
    return s->r / (s->shape == ELLIPSE ? sqrt(a) : a);
}

static void magnify(char *out, const Image *img, const Region *s)
{
    const double x_max = img->width - 1, y_max = img->height - 1;
    double reach_x = norm_reach(s, s->a_x), reach_y = norm_reach(s, s->a_y);
    /* One row more on each side: span() is exact, this need not be. */
    const Py_ssize_t top = clip(floor(s->y - reach_y) - 1, 0, img->height);
    const Py_ssize_t bottom = clip(ceil(s->y + reach_y) + 2, top, img->height);
    Py_ssize_t count = 0, first, stop;
    for (Py_ssize_t y = top; y < bottom && count < 2; y++) {
        span(s, y - s->y, img->width, &first, &stop);
        count += stop - first;
    }
    if (count < 2) {
        copy_rows(out, img, 0, img->height);
        return;
    }
    copy_rows(out, img, 0, top);
    copy_rows(out, img, bottom, img->height);
    if (img->format) {
        magnify_bilinear(out, img, s, top, bottom);
        return;
    }
    const int whole = s->x == floor(s->x) && s->y == floor(s->y) &&
                      s->x >= 0 && s->x <= x_max && s->y >= 0 && s->y <= y_max;
    if (whole) {
        /* Bounds of |dx| and |dy| in S, then of a source's distance from the
         * centre. Where d < r in all of S, a source lies between its pixel
         * and the centre. */
        reach_x = fmin(reach_x + 1, fmax(s->x, x_max - s->x));
        reach_y = fmin(reach_y, fmax(s->y, y_max - s->y));
        const double most = (reach_x * reach_x + reach_y * reach_y) / s->r;
        const int inwards =
            s->shape != RECTANGLE && s->a_x >= 1 && s->a_y >= 1;
        const int inside = most + 2 < fmin(fmin(s->x, x_max - s->x),
                                           fmin(s->y, y_max - s->y));
        /* Five roundings of 6e-8 each, scale_max, and some to spare. */
        const int bits = (int)floor(-log2((most + 1) * 6e-7));
        if ((inwards || inside) && bits > 2) {
            magnify_whole(out, img, s, top, bottom, (Py_ssize_t)reach_x,
                          inwards ? ldexpf(1 - ldexpf(1, -22), bits) : INFINITY,
                          bits);
            return;
        }
    }
    magnify_any(out, img, s, top, bottom);
}

PyDoc_STRVAR(magnify_doc,
"magnify(img, out, x_c, y_c, r, a_x, a_y, shape, interpolation)\n--\n\n"
"Write the magnified img to out and return True, or False if it cannot.\n\n"
"For callers that have checked the arguments: img has shape (H, W) or\n"
"(H, W, C); out is C-contiguous, of the same shape and dtype, elsewhere in\n"
"memory; shape and interpolation are indices into region.SHAPES and\n"
"image.INTERPOLATIONS. What it cannot: channels that are not adjacent,\n"
"images that span 2 GiB or more, and bilinear interpolation of dtypes other\n"
"than uint8, uint16, float32 and float64.");

static PyObject *py_magnify(PyObject *self, PyObject *args)
{
    PyObject *source, *target;
    Region s;
    int bilinear;
    if (!PyArg_ParseTuple(args, "OOdddddii", &source, &target, &s.x, &s.y,
                          &s.r, &s.a_x, &s.a_y, &s.shape, &bilinear))
        return NULL;
    Py_buffer in, out;
    const int flags = bilinear ? PyBUF_STRIDES | PyBUF_FORMAT : PyBUF_STRIDES;
    if (PyObject_GetBuffer(source, &in, flags) < 0)
        return NULL;
    if (PyObject_GetBuffer(target, &out, PyBUF_CONTIG) < 0) {
        PyBuffer_Release(&in);
        return NULL;
    }
    int can = (in.ndim == 2 || in.ndim == 3) && in.len == out.len;
    if (can && in.ndim == 3)
        can = in.shape[2] < 2 || in.strides[2] == in.itemsize;
    /* Offsets are 32 bits wide. */
    if (can && in.len)
        can = fabs((double)in.strides[0]) * in.shape[0] +
                  fabs((double)in.strides[1]) * in.shape[1] < INT32_MAX;
    if (can && bilinear)
        can = strlen(in.format) == 1 && strchr("BHfd", in.format[0]) &&
              !((uintptr_t)in.buf % in.itemsize) &&
              !(in.strides[0] % in.itemsize) && !(in.strides[1] % in.itemsize);
    if (can && in.len) {
        const Py_ssize_t channels = in.ndim == 3 ? in.shape[2] : 1;
        Image img = {in.buf, in.shape[0], in.shape[1], in.strides[0],
                     in.strides[1], in.itemsize * channels, channels,
                     bilinear ? in.format[0] : 0};
        Py_BEGIN_ALLOW_THREADS
        magnify(out.buf, &img, &s);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&in);
    PyBuffer_Release(&out);
    return PyBool_FromLong(can);
}

static PyMethodDef methods[] = {
    {"magnify", py_magnify, METH_VARARGS, magnify_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_image", NULL, -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__image(void)
{
    return PyModule_Create(&module);
}
