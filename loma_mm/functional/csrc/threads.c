/* Threads for the loops of image.c and feature.c. */
#include "loops.h"

#ifndef _WIN32
#include <pthread.h>

typedef struct {
    void (*work)(void *, ptrdiff_t, ptrdiff_t, int);
    void *task;
    ptrdiff_t first, end;
    int thread, started;
    pthread_t id;
} Part;

static void *run(void *part)
{
    const Part *p = part;
    p->work(p->task, p->first, p->end, p->thread);
    return NULL;
}

void loma_share(void (*work)(void *, ptrdiff_t, ptrdiff_t, int), void *task,
                ptrdiff_t count, int threads)
{
    Part parts[MOST_THREADS];
    for (int i = 0; i < threads; i++) {
        parts[i] = (Part){.work = work, .task = task, .thread = i,
                          .first = count * i / threads,
                          .end = count * (i + 1) / threads};
        if (i)
            parts[i].started = !pthread_create(&parts[i].id, NULL, run, &parts[i]);
    }
    run(&parts[0]);
    for (int i = 1; i < threads; i++)
        if (parts[i].started)
            pthread_join(parts[i].id, NULL);
        else
            run(&parts[i]);
}
#else
void loma_share(void (*work)(void *, ptrdiff_t, ptrdiff_t, int), void *task,
                ptrdiff_t count, int threads)
{
    (void)threads;
    work(task, 0, count, 0);
}
#endif
