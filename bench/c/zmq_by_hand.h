/* The few calls of libzmq that the bench needs, taken at run time from the library that pyzmq's
 * wheel brings along, so that no headers have to be installed.
 * http://api.zeromq.org/4-3:_start */
#ifndef ZMQ_BY_HAND_H
#define ZMQ_BY_HAND_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ZMQ_PUB = 1, ZMQ_SUB = 2, ZMQ_XPUB = 9 };
enum { ZMQ_SUBSCRIBE = 6, ZMQ_LINGER = 17, ZMQ_RECONNECT_IVL = 18, ZMQ_SNDHWM = 23,
       ZMQ_RCVHWM = 24, ZMQ_XPUB_NODROP = 69 };
enum { ZMQ_DONTWAIT = 1, ZMQ_SNDMORE = 2, ZMQ_POLLIN = 1 };

typedef struct { _Alignas(8) unsigned char opaque[64]; } zmq_msg_t;
typedef struct { void *socket; int fd; short events; short revents; } zmq_pollitem_t;

static void *(*zmq_ctx_new)(void);
static int (*zmq_ctx_set)(void *, int, int);
static void *(*zmq_socket)(void *, int);
static int (*zmq_setsockopt)(void *, int, const void *, size_t);
static int (*zmq_bind)(void *, const char *);
static int (*zmq_connect)(void *, const char *);
static int (*zmq_send)(void *, const void *, size_t, int);
static int (*zmq_recv)(void *, void *, size_t, int);
static int (*zmq_close)(void *);
static int (*zmq_ctx_term)(void *);
static int (*zmq_msg_init)(zmq_msg_t *);
static int (*zmq_msg_recv)(zmq_msg_t *, void *, int);
static int (*zmq_msg_more)(const zmq_msg_t *);
static void *(*zmq_msg_data)(zmq_msg_t *);
static size_t (*zmq_msg_size)(const zmq_msg_t *);
static int (*zmq_poll)(zmq_pollitem_t *, int, long);

static void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void *zmq_symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found) fail(name);
    return found;
}

static void zmq_load(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail(dlerror());
#define TAKE(name) *(void **)&name = zmq_symbol(library, #name)
    TAKE(zmq_ctx_new); TAKE(zmq_ctx_set); TAKE(zmq_socket); TAKE(zmq_setsockopt);
    TAKE(zmq_bind); TAKE(zmq_connect); TAKE(zmq_send); TAKE(zmq_recv); TAKE(zmq_close);
    TAKE(zmq_ctx_term); TAKE(zmq_msg_init); TAKE(zmq_msg_recv); TAKE(zmq_msg_more);
    TAKE(zmq_msg_data); TAKE(zmq_msg_size); TAKE(zmq_poll);
#undef TAKE
}

static void zmq_option(void *socket, int option, int value) {
    if (zmq_setsockopt(socket, option, &value, sizeof value)) fail("zmq_setsockopt");
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
