/* LOMA_F and FeatureMap Offset on contiguous float32 maps in a CPU's memory:
 * feature.py's gather and shift without passes over memory that can be spared.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "_clones.h"

#ifndef _WIN32
#include <pthread.h>
#endif

/* Values of a map that shift() works on at a time: 16 KiB. */
#define BAND 4096

/* An offset along one axis: out[k] = w_0 * x[k - whole] + w_1 * x[k - whole
 * - 1], as in feature.py. */
typedef struct {
    Py_ssize_t whole;
    float w_0, w_1;
} Offset;

typedef struct Task {
    void (*run)(const struct Task *);
    const float *x;
    float *out;
    Py_ssize_t maps, height, width;
    /* gather: out[target[i]] = x[source[i]], or its adjoint */
    const int32_t *target, *source;
    Py_ssize_t moved;
    /* shift, that many rows at a time, and room for them */
    Offset horizontal, vertical;
    Py_ssize_t band;
    float *rows;
} Task;

static inline Py_ssize_t clip(Py_ssize_t value, Py_ssize_t low,
                              Py_ssize_t high)
{
    return value < low ? low : value > high ? high : value;
}

static void gather(const Task *t)
{
    const Py_ssize_t cells = t->height * t->width;
    for (Py_ssize_t map = 0; map < t->maps; map++) {
        const float *x = t->x + map * cells;
        float *out = t->out + map * cells;
        memcpy(out, x, cells * sizeof(float));
        for (Py_ssize_t i = 0; i < t->moved; i++)
            out[t->target[i]] = x[t->source[i]];
    }
}

static void scatter(const Task *t)
{
    const Py_ssize_t cells = t->height * t->width;
    for (Py_ssize_t map = 0; map < t->maps; map++) {
        const float *x = t->x + map * cells;
        float *out = t->out + map * cells;
        memcpy(out, x, cells * sizeof(float));
        for (Py_ssize_t i = 0; i < t->moved; i++)
            out[t->target[i]] = 0;
        for (Py_ssize_t i = 0; i < t->moved; i++)
            out[t->source[i]] += x[t->target[i]];
    }
}

static inline void zero(float *out, Py_ssize_t from, Py_ssize_t to)
{
    if (to > from)
        memset(out + from, 0, (to - from) * sizeof(float));
}

/* out[k - first] = w_0 * x[k - d_0] + w_1 * x[k - d_0 - d] for first <= k <
 * end, where x has `size` values and is 0 elsewhere. */
static inline void blend(float *out, const float *x, Py_ssize_t size,
                         Py_ssize_t first, Py_ssize_t end, Py_ssize_t d_0,
                         Py_ssize_t d, float w_0, float w_1)
{
    const Py_ssize_t d_1 = d_0 + d;
    out -= first;
    if (w_1 == 0) {
        const Py_ssize_t low = clip(d_0, first, end);
        const Py_ssize_t high = clip(d_0 + size, low, end);
        zero(out, first, low);
        memcpy(out + low, x + low - d_0, (high - low) * sizeof(float));
        zero(out, high, end);
        return;
    }
    const Py_ssize_t one = clip(d_0, first, end), both = clip(d_1, one, end);
    const Py_ssize_t less = clip(d_0 + size, both, end);
    const Py_ssize_t none = clip(d_1 + size, less, end);
    zero(out, first, one);
    for (Py_ssize_t k = one; k < both; k++)
        out[k] = k < d_0 + size ? w_0 * x[k - d_0] : 0;
    for (Py_ssize_t k = both; k < less; k++)
        out[k] = w_0 * x[k - d_0] + w_1 * x[k - d_1];
    for (Py_ssize_t k = less; k < none; k++)
        out[k] = w_1 * x[k - d_1];
    zero(out, none, end);
}

/* A map is moved as one long row, some rows of it at a time; then the columns
 * are mended into which the neighbouring row has moved. */
CLONES
static void shift(const Task *t)
{
    const Py_ssize_t height = t->height, width = t->width;
    const Py_ssize_t cells = height * width;
    const Offset v = t->vertical, h = t->horizontal;
    /* Columns [first, end) are right but for one beside the border, `edge`,
     * that mixes the column `mixed` with zeros. */
    const int fraction = h.w_1 != 0;
    const Py_ssize_t first = clip(h.whole + fraction, 0, width);
    const Py_ssize_t end = clip(h.whole + width, 0, width);
    const Py_ssize_t edge = h.whole >= 0 ? h.whole : h.whole + width;
    const Py_ssize_t mixed = h.whole >= 0 ? 0 : width - 1;
    const float weight = h.whole >= 0 ? h.w_0 : h.w_1;
    const Py_ssize_t band = t->band;
    float *rows = t->rows;

    for (Py_ssize_t map = 0; map < t->maps; map++) {
        const float *x = t->x + map * cells;
        float *out = t->out + map * cells;
        for (Py_ssize_t y = 0; y < height; y += band) {
            const Py_ssize_t stop = y + band < height ? y + band : height;
            const Py_ssize_t size = (stop - y) * width;
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
            for (Py_ssize_t i = 0; i < stop - y; i++, to += width) {
                for (Py_ssize_t c = 0; c < first; c++)
                    to[c] = 0;
                for (Py_ssize_t c = end; c < width; c++)
                    to[c] = 0;
                if (fraction && edge >= 0 && edge < width)
                    to[edge] = weight * rows[i * width + mixed];
            }
        }
    }
}

#ifndef _WIN32
static void *run_in_thread(void *task)
{
    ((const Task *)task)->run(task);
    return NULL;
}
#endif

/* Share the maps between threads, which live for this call alone: nothing is
 * left behind for a fork to break. */
enum { MOST_THREADS = 64 };

static void run(Task task, int threads)
{
    Task parts[MOST_THREADS] = {{0}};
    const Py_ssize_t maps = task.maps, cells = task.height * task.width;
#ifdef _WIN32
    threads = 1;
#else
    pthread_t ids[MOST_THREADS];
#endif
    for (int i = 0; i < threads; i++) {
        const Py_ssize_t first = maps * i / threads;
        parts[i] = task;
        parts[i].maps = maps * (i + 1) / threads - first;
        parts[i].x += first * cells;
        parts[i].out += first * cells;
        parts[i].rows += i * task.band * task.width;
    }
#ifndef _WIN32
    for (int i = 1; i < threads; i++)
        if (pthread_create(&ids[i], NULL, run_in_thread, &parts[i]))
            parts[i].run = NULL;
#endif
    task.run(&parts[0]);
#ifndef _WIN32
    for (int i = 1; i < threads; i++)
        if (parts[i].run)
            pthread_join(ids[i], NULL);
        else
            task.run(&parts[i]);
#endif
}

PyDoc_STRVAR(gather_doc,
"gather(x, out, maps, index, adjoint, threads)\n--\n\n"
"out[..., i] = x[..., index[i]], or its adjoint.\n\n"
"x and out are addresses of that many float32 maps, index an int32 array of\n"
"shape (H, W) of the cells of one.");

static PyObject *py_gather(PyObject *self, PyObject *args)
{
    unsigned long long x, out;
    Py_ssize_t maps;
    Py_buffer index;
    int adjoint, threads;
    if (!PyArg_ParseTuple(args, "KKny*pi", &x, &out, &maps, &index, &adjoint,
                          &threads))
        return NULL;
    threads = (int)clip(threads, 1, MOST_THREADS);
    const Py_ssize_t cells = index.len / (Py_ssize_t)sizeof(int32_t);
    const int32_t *source = index.buf;
    int32_t *moved = malloc(2 * cells * sizeof(int32_t) + 1);
    if (!moved) {
        PyBuffer_Release(&index);
        return PyErr_NoMemory();
    }
    Task task = {adjoint ? scatter : gather, (const float *)(uintptr_t)x,
                 (float *)(uintptr_t)out, maps, 1, cells, moved,
                 moved + cells};
    for (Py_ssize_t i = 0; i < cells; i++)
        if (source[i] != i) {
            moved[task.moved] = (int32_t)i;
            moved[cells + task.moved++] = source[i];
        }
    Py_BEGIN_ALLOW_THREADS
    run(task, threads);
    Py_END_ALLOW_THREADS
    free(moved);
    PyBuffer_Release(&index);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(shift_doc,
"shift(x, out, maps, height, width, horizontal, vertical, threads)\n--\n\n"
"Move maps, zeros entering.\n\n"
"x and out are addresses of that many float32 maps, horizontal and vertical\n"
"offsets (whole, (w_0, w_1)) as in feature.py.");

static PyObject *py_shift(PyObject *self, PyObject *args)
{
    unsigned long long x, out;
    int threads;
    Task task = {shift};
    Offset *h = &task.horizontal, *v = &task.vertical;
    if (!PyArg_ParseTuple(args, "KKnnn(n(ff))(n(ff))i", &x, &out, &task.maps,
                          &task.height, &task.width, &h->whole, &h->w_0,
                          &h->w_1, &v->whole, &v->w_0, &v->w_1, &threads))
        return NULL;
    task.x = (const float *)(uintptr_t)x;
    task.out = (float *)(uintptr_t)out;
    /* A few rows stay in the innermost cache. */
    task.band = clip(BAND / (task.width ? task.width : 1), 1, task.height);
    threads = (int)clip(threads, 1, MOST_THREADS);
    float *rows = malloc(threads * task.band * task.width * sizeof(float) + 1);
    if (!rows)
        return PyErr_NoMemory();
    task.rows = rows;
    Py_BEGIN_ALLOW_THREADS
    run(task, threads);
    Py_END_ALLOW_THREADS
    free(rows);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"gather", py_gather, METH_VARARGS, gather_doc},
    {"shift", py_shift, METH_VARARGS, shift_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_feature", NULL, -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__feature(void)
{
    return PyModule_Create(&module);
}
