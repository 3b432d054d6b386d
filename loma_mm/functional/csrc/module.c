/* loma_mm.functional._compiled: the loops of image.c, boxes.c and feature.c, for
 * Python.
 * All that they take for granted is checked here; a wrong call is a ValueError
 * or a TypeError.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <string.h>

#include "loops.h"

/* Buffers of one call, released together. */
typedef struct {
    Py_buffer view[4];
    int count;
} Buffers;

static Py_buffer *get(Buffers *b, PyObject *object, int flags)
{
    Py_buffer *view = &b->view[b->count];
    if (PyObject_GetBuffer(object, view, flags) < 0)
        return NULL;
    b->count++;
    return view;
}

static void release(Buffers *b)
{
    while (b->count)
        PyBuffer_Release(&b->view[--b->count]);
}

static int check_threads(int threads)
{
    if (threads >= 1 && threads <= MOST_THREADS)
        return 0;
    PyErr_Format(PyExc_ValueError, "threads must be in [1, %d], got %d.",
                 MOST_THREADS, threads);
    return -1;
}

PyDoc_STRVAR(magnify_doc,
"magnify(img, out, x_c, y_c, r, a_x, a_y, shape, interpolation)\n--\n\n"
"Write the magnified img to out and return True, or False if it cannot.\n\n"
"img has shape (H, W) or (H, W, C); out is C-contiguous, of the same shape and\n"
"itemsize, elsewhere in memory; shape and interpolation are indices into SHAPES\n"
"and INTERPOLATIONS of loma_mm.checks. What it cannot: channels that are not\n"
"adjacent, images that span 2 GiB or more, and bilinear interpolation of dtypes\n"
"other than uint8, uint16, float32 and float64.");

static int can_magnify(const Py_buffer *in, int bilinear)
{
    if (in->ndim == 3 && in->shape[2] > 1 && in->strides[2] != in->itemsize)
        return 0;
    /* Offsets are 32 bits wide. */
    if (fabs((double)in->strides[0]) * (double)in->shape[0] +
            fabs((double)in->strides[1]) * (double)in->shape[1] +
            (double)in->itemsize * (in->ndim == 3 ? in->shape[2] : 1) >=
        INT32_MAX)
        return 0;
    return !bilinear ||
           (strlen(in->format) == 1 && strchr("BHfd", in->format[0]) &&
            !((uintptr_t)in->buf % in->itemsize) &&
            !(in->strides[0] % in->itemsize) &&
            !(in->strides[1] % in->itemsize));
}

static PyObject *py_magnify(PyObject *self, PyObject *args)
{
    PyObject *source, *target;
    Region s;
    int bilinear;
    if (!PyArg_ParseTuple(args, "OOdddddii", &source, &target, &s.x, &s.y,
                          &s.r, &s.a_x, &s.a_y, &s.shape, &bilinear))
        return NULL;
    Buffers b = {.count = 0};
    const Py_buffer *in =
        get(&b, source, bilinear ? PyBUF_STRIDES | PyBUF_FORMAT : PyBUF_STRIDES);
    const Py_buffer *out = in ? get(&b, target, PyBUF_CONTIG) : NULL;
    if (!out) {
        release(&b);
        return NULL;
    }
    int can = 1;
    if ((in->ndim != 2 && in->ndim != 3) || in->ndim != out->ndim ||
        memcmp(in->shape, out->shape, in->ndim * sizeof *in->shape) ||
        in->itemsize != out->itemsize) {
        PyErr_SetString(PyExc_ValueError, "img and out must have one shape, "
                        "(H, W) or (H, W, C), and one itemsize.");
    } else if (in->len && (can = can_magnify(in, bilinear))) {
        const Py_ssize_t channels = in->ndim == 3 ? in->shape[2] : 1;
        const Image img = {.data = in->buf, .height = in->shape[0],
                           .width = in->shape[1], .row = in->strides[0],
                           .pixel = in->strides[1],
                           .size = in->itemsize * channels,
                           .channels = channels,
                           .format = bilinear ? in->format[0] : 0,
                           .to_row = in->shape[1] * in->itemsize * channels,
                           .planes = 1};
        Py_BEGIN_ALLOW_THREADS
        loma_magnify(out->buf, &img, &s);
        Py_END_ALLOW_THREADS
    }
    release(&b);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(can);
}

PyDoc_STRVAR(magnify_batch_doc,
"magnify_batch(x, out, regions, sizes, threads)\n--\n\n"
"Write the magnified images of x to out and return True, or False if it cannot.\n"
"\n"
"x and out have one shape (B, C, H, W) and itemsize; out lies elsewhere in\n"
"memory and is contiguous, or is in the order of channels_last and x too.\n"
"regions is a contiguous float64 array of shape (B, 6): x_c, y_c, r, a_x, a_y and\n"
"shape as for magnify(), nearest; the shape -1 leaves an image as it is. sizes, a\n"
"contiguous int64 array of shape (B, 2), says that h x w pixels of an image are\n"
"no padding. What it cannot: images whose channels span 2 GiB or more.");

static int is_int64(const Py_buffer *view)
{
    /* int64 is long or long long. */
    return view->itemsize == 8 && strlen(view->format) == 1 &&
           strchr("lq", view->format[0]);
}

static int has_rows(const Py_buffer *view, Py_ssize_t rows, Py_ssize_t columns)
{
    return view->ndim == 2 && view->shape[0] == rows &&
           view->shape[1] == columns;
}

/* What is drawn for each image, to be freed; or NULL and an error. */
static Drawn *read_drawn(const Py_buffer *regions, const Py_buffer *sizes,
                         const Py_ssize_t *shape)
{
    const Py_ssize_t count = shape[0];
    if (strcmp(regions->format, "d") || !has_rows(regions, count, 6) ||
        !is_int64(sizes) || !has_rows(sizes, count, 2)) {
        PyErr_SetString(PyExc_ValueError, "regions must be a float64 array of "
                        "shape (B, 6), sizes an int64 array of shape (B, 2).");
        return NULL;
    }
    Drawn *drawn = PyMem_New(Drawn, count);
    if (!drawn)
        return (Drawn *)PyErr_NoMemory();
    const double *region = regions->buf;
    const int64_t *size = sizes->buf;
    for (Py_ssize_t i = 0; i < count; i++, region += 6, size += 2) {
        int kind = RECTANGLE;
        while (kind >= RHOMBUS && region[5] != kind)
            kind--;
        drawn[i] = (Drawn){
            .magnified = kind >= RHOMBUS,
            .region = {region[0], region[1], region[2], region[3], region[4],
                       kind},
            .height = size[0], .width = size[1]};
        if (region[5] != kind || size[0] < 0 || size[0] > shape[2] ||
            size[1] < 0 || size[1] > shape[3]) {
            PyErr_SetString(PyExc_ValueError, "shapes must lie in [-1, 2], "
                            "sizes within x.");
            PyMem_Free(drawn);
            return NULL;
        }
    }
    return drawn;
}

/* The layout of x and out, or that one is not for loma_magnify_batch(). */
static int get_batch(Batch *to, const Py_buffer *x, const Py_buffer *out)
{
    const Py_ssize_t channels = x->shape[1], size = x->itemsize;
    const int last = PyBuffer_IsContiguous(out, 'C') == 0;
    const Py_ssize_t wide = last ? size * channels : size;
    to->first = (Image){.data = x->buf, .height = x->shape[2],
                        .width = x->shape[3], .row = x->strides[2],
                        .pixel = x->strides[3], .size = wide, .channels = 1,
                        .to_row = out->strides[2],
                        .planes = last ? 1 : channels, .plane = x->strides[1],
                        .to_plane = out->strides[1]};
    to->step = x->strides[0];
    to->to_step = out->strides[0];
    if (last && (out->strides[1] != size || out->strides[3] != wide ||
                 x->strides[1] != size))
        return 0;
    /* Offsets are 32 bits wide. */
    return fabs((double)x->strides[2]) * (double)x->shape[2] +
                   fabs((double)x->strides[3]) * (double)x->shape[3] +
                   (double)wide < INT32_MAX &&
           (double)out->strides[2] * (double)x->shape[2] < INT32_MAX;
}

static PyObject *py_magnify_batch(PyObject *self, PyObject *args)
{
    PyObject *source, *target, *drawn_of, *sizes_of;
    int threads, can = 1;
    Batch batch;
    if (!PyArg_ParseTuple(args, "OOOOi", &source, &target, &drawn_of, &sizes_of,
                          &threads) ||
        check_threads(threads) < 0)
        return NULL;
    Buffers b = {.count = 0};
    const int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT;
    if (!get(&b, source, PyBUF_STRIDES) ||
        !get(&b, target, PyBUF_STRIDES | PyBUF_WRITABLE) ||
        !get(&b, drawn_of, flags) || !get(&b, sizes_of, flags)) {
        release(&b);
        return NULL;
    }
    const Py_buffer *x = &b.view[0], *out = &b.view[1];
    Drawn *drawn = NULL;
    if (x->ndim != 4 || out->ndim != 4 || x->itemsize != out->itemsize ||
        memcmp(x->shape, out->shape, 4 * sizeof *x->shape))
        PyErr_SetString(PyExc_ValueError, "x and out must have one shape (B, C, "
                        "H, W) and one itemsize.");
    else
        drawn = read_drawn(&b.view[2], &b.view[3], x->shape);
    if (drawn && x->len && (can = get_batch(&batch, x, out))) {
        batch.drawn = drawn;
        Py_BEGIN_ALLOW_THREADS
        loma_magnify_batch(out->buf, &batch, x->shape[0], threads);
        Py_END_ALLOW_THREADS
    }
    PyMem_Free(drawn);
    release(&b);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(can);
}

PyDoc_STRVAR(magnify_boxes_doc,
"magnify_boxes(boxes, out, x_c, y_c, r, a_x, a_y, shape, height, width)\n--\n\n"
"Write the boxes around what is left of each box to out, zeros where nothing is.\n"
"\n"
"boxes and out are contiguous int64 arrays of shape (N, 4), apart in memory: x1,\n"
"y1, x2, y2, pixels within the image, ends exclusive.");

static PyObject *py_magnify_boxes(PyObject *self, PyObject *args)
{
    PyObject *source, *target;
    Region s;
    Py_ssize_t height, width;
    if (!PyArg_ParseTuple(args, "OOdddddinn", &source, &target, &s.x, &s.y,
                          &s.r, &s.a_x, &s.a_y, &s.shape, &height, &width))
        return NULL;
    Buffers b = {.count = 0};
    const Py_buffer *in = get(&b, source, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT);
    const Py_buffer *out =
        in ? get(&b, target, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE)
           : NULL;
    if (!out) {
        release(&b);
        return NULL;
    }
    int valid = is_int64(in) && is_int64(out) && in->len == out->len &&
                in->ndim == 2 && in->shape[1] == 4 && height > 0 && width > 0 &&
                height <= INT32_MAX && width <= INT32_MAX;
    const Py_ssize_t count = in->ndim == 2 ? in->shape[0] : 0;
    const int64_t *box = in->buf;
    for (Py_ssize_t i = 0; valid && i < count; i++, box += 4)
        valid = 0 <= box[0] && box[0] <= box[2] && box[2] <= width &&
                0 <= box[1] && box[1] <= box[3] && box[3] <= height;
    int failed = 0;
    if (!valid) {
        PyErr_SetString(PyExc_ValueError, "boxes and out must be int64 arrays "
                        "of shape (N, 4), boxes within the image.");
    } else {
        Py_BEGIN_ALLOW_THREADS
        failed = loma_magnify_boxes(out->buf, in->buf, count, &s, height, width);
        Py_END_ALLOW_THREADS
        if (failed)
            PyErr_NoMemory();
    }
    release(&b);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

/* Contiguous float32 maps, and out like them. */
static int get_maps(Buffers *b, PyObject *source, PyObject *target)
{
    const Py_buffer *x = get(b, source, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT);
    const Py_buffer *out =
        x ? get(b, target, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE)
          : NULL;
    if (!out)
        return -1;
    if (strcmp(x->format, "f") || strcmp(out->format, "f") || x->ndim < 2 ||
        x->ndim != out->ndim ||
        memcmp(x->shape, out->shape, x->ndim * sizeof *x->shape)) {
        PyErr_SetString(PyExc_ValueError, "x and out must be float32 maps of "
                        "one shape (..., H, W).");
        return -1;
    }
    return 0;
}

PyDoc_STRVAR(gather_doc,
"gather(x, out, index, adjoint, threads)\n--\n\n"
"out[..., i] = x[..., index[i]] on flattened maps, or its adjoint.\n\n"
"x and out are contiguous float32 arrays of shape (..., H, W), apart in memory;\n"
"index is an int64 array of shape (H * W, ).");

static PyObject *py_gather(PyObject *self, PyObject *args)
{
    PyObject *source, *target, *cells_of;
    int adjoint, threads, failed = 0;
    if (!PyArg_ParseTuple(args, "OOOpi", &source, &target, &cells_of, &adjoint,
                          &threads) ||
        check_threads(threads) < 0)
        return NULL;
    Buffers b = {.count = 0};
    const Py_buffer *index = NULL;
    if (get_maps(&b, source, target) == 0)
        index = get(&b, cells_of, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT);
    if (!index) {
        release(&b);
        return NULL;
    }
    const Py_buffer *x = &b.view[0], *out = &b.view[1];
    const Py_ssize_t *size = x->shape + x->ndim - 2, cells = size[0] * size[1];
    int valid = is_int64(index) && index->len == 8 * cells &&
                cells <= INT32_MAX;
    const int64_t *at = index->buf;
    for (Py_ssize_t i = 0; valid && i < cells; i++)
        valid = at[i] >= 0 && at[i] < cells;
    if (!valid) {
        PyErr_SetString(PyExc_ValueError, "index must be an int64 array of H * "
                        "W cells, each in [0, H * W).");
    } else if (x->len) {
        Py_BEGIN_ALLOW_THREADS
        failed = loma_gather(out->buf, x->buf, x->len / 4 / cells, cells, at,
                             adjoint, threads);
        Py_END_ALLOW_THREADS
        if (failed)
            PyErr_NoMemory();
    }
    release(&b);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(shift_doc,
"shift(x, out, horizontal, vertical, threads)\n--\n\n"
"Move maps, zeros entering.\n\n"
"x and out are contiguous float32 arrays of shape (..., H, W), apart in memory;\n"
"horizontal and vertical are offsets (whole, (w_0, w_1)) as in feature.py.");

/* Beyond the map an offset is as good as any other there. */
static ptrdiff_t within(ptrdiff_t whole, ptrdiff_t size)
{
    return whole > size ? size : whole < -size - 1 ? -size - 1 : whole;
}

static PyObject *py_shift(PyObject *self, PyObject *args)
{
    PyObject *source, *target;
    Offset h, v;
    int threads, failed = 0;
    if (!PyArg_ParseTuple(args, "OO(n(ff))(n(ff))i", &source, &target,
                          &h.whole, &h.w_0, &h.w_1, &v.whole, &v.w_0, &v.w_1,
                          &threads) ||
        check_threads(threads) < 0)
        return NULL;
    Buffers b = {.count = 0};
    if (get_maps(&b, source, target) < 0) {
        release(&b);
        return NULL;
    }
    const Py_buffer *x = &b.view[0], *out = &b.view[1];
    const Py_ssize_t height = x->shape[x->ndim - 2];
    const Py_ssize_t width = x->shape[x->ndim - 1];
    h.whole = within(h.whole, width);
    v.whole = within(v.whole, height);
    if (x->len) {
        Py_BEGIN_ALLOW_THREADS
        failed = loma_shift(out->buf, x->buf, x->len / 4 / height / width,
                            height, width, h, v, threads);
        Py_END_ALLOW_THREADS
        if (failed)
            PyErr_NoMemory();
    }
    release(&b);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"magnify", py_magnify, METH_VARARGS, magnify_doc},
    {"magnify_batch", py_magnify_batch, METH_VARARGS, magnify_batch_doc},
    {"magnify_boxes", py_magnify_boxes, METH_VARARGS, magnify_boxes_doc},
    {"gather", py_gather, METH_VARARGS, gather_doc},
    {"shift", py_shift, METH_VARARGS, shift_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_compiled",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__compiled(void)
{
    return PyModule_Create(&module);
}
