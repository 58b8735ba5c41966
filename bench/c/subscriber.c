/* The subscriber at the end: notes when each message came, and its id, in a mapped file.
 *
 *   subscriber LIBZMQ LOG CAPACITY bind|connect ENDPOINT PREFIX SOCKETS
 *
 * LOG is made by the caller, at its full size: the count of messages and their bytes (payloads) in
 * two 64-bit words, and from byte 64 on an entry each of three: time received (ns since the epoch),
 * id, hash of the topic (FNV-1a). What is beyond the capacity is counted and not noted. The id is
 * the payload's `id` (MessagePack) or `u` (JSON), and 0 where there is none. It ends by a signal. */
#define _GNU_SOURCE
#include "zmq_by_hand.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct { uint64_t at_ns, id, topic; } Entry;
typedef struct { _Atomic uint64_t count, bytes; uint64_t spare[6]; Entry entries[]; } Log;

static uint64_t hash(const unsigned char *text, size_t size) {
    uint64_t value = 14695981039346656037u;
    for (size_t i = 0; i < size; i++) value = (value ^ text[i]) * 1099511628211u;
    return value;
}

static uint64_t big_endian(const unsigned char *at, int size) {
    uint64_t value = 0;
    for (int i = 0; i < size; i++) value = value << 8 | at[i];
    return value;
}

static uint64_t id_of(const unsigned char *data, size_t size) {
    const unsigned char *end = data + size;
    if (size && data[0] == '{') {
        const unsigned char *at = memmem(data, size, "\"u\":", 4);
        uint64_t id = 0;
        if (at) for (at += 4; at < end && *at >= '0' && *at <= '9'; at++) id = id * 10 + (*at - '0');
        return id;
    }
    const unsigned char *at = memmem(data, size, "\xa2id", 3);
    if (!at || at + 4 > end) return 0;
    at += 3;
    if (*at < 0x80) return *at;
    int bytes = *at == 0xcc ? 1 : *at == 0xcd ? 2 : *at == 0xce ? 4 : *at == 0xcf ? 8 : 0;
    return bytes && at + 1 + bytes <= end ? big_endian(at + 1, bytes) : 0;
}

static int receive(void *socket, zmq_msg_t *message, Log *log, uint64_t capacity, int flags) {
    if (zmq_msg_recv(message, socket, flags) < 0) return 0;
    uint64_t topic = hash(zmq_msg_data(message), zmq_msg_size(message) < 80 ? zmq_msg_size(message) : 0);
    while (zmq_msg_more(message))
        if (zmq_msg_recv(message, socket, 0) < 0) return 0;
    uint64_t count = atomic_load_explicit(&log->count, memory_order_relaxed);
    size_t size = zmq_msg_size(message);
    if (count < capacity)
        log->entries[count] = (Entry){now_ns(), id_of(zmq_msg_data(message), size), topic};
    atomic_fetch_add_explicit(&log->bytes, size, memory_order_relaxed);
    atomic_store_explicit(&log->count, count + 1, memory_order_release);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 8) fail("usage: subscriber LIBZMQ LOG CAPACITY bind|connect ENDPOINT PREFIX SOCKETS");
    zmq_load(argv[1]);
    uint64_t capacity = strtoull(argv[3], NULL, 10);
    int sockets = atoi(argv[7]);
    int file = open(argv[2], O_RDWR);
    if (file < 0) fail("the log can't be opened");
    Log *log = mmap(NULL, sizeof(Log) + capacity * sizeof(Entry), PROT_READ | PROT_WRITE,
                    MAP_SHARED, file, 0);
    if (log == MAP_FAILED) fail("the log can't be mapped");
    void *context = zmq_ctx_new();
    zmq_pollitem_t *items = calloc((size_t)sockets, sizeof *items);
    if (!items) fail("no memory");
    for (int i = 0; i < sockets; i++) {
        void *socket = zmq_socket(context, ZMQ_SUB);
        if (!socket) fail("zmq_socket");
        zmq_option(socket, ZMQ_RCVHWM, 0);
        zmq_option(socket, ZMQ_RECONNECT_IVL, 10);
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, argv[6], strlen(argv[6]));
        if (strcmp(argv[4], "bind") ? zmq_connect(socket, argv[5]) : zmq_bind(socket, argv[5]))
            fail("the endpoint can't be had");
        items[i] = (zmq_pollitem_t){socket, 0, ZMQ_POLLIN, 0};
    }
    zmq_msg_t message;
    zmq_msg_init(&message);
    while (sockets == 1) receive(items[0].socket, &message, log, capacity, 0);
    for (;;) {
        zmq_poll(items, sockets, -1);
        for (int i = 0; i < sockets; i++)
            for (int n = 0; n < 1000 && receive(items[i].socket, &message, log, capacity, ZMQ_DONTWAIT); n++) {}
    }
}
