/* A publisher that is faster than the proxy, and waits for it: nothing is dropped on the way in.
 *
 *   publisher LIBZMQ ENDPOINT COUNT
 *
 * Two frames of 34 and 150 bytes. It says `ready` once the proxy has subscribed to everything, and
 * sends when a line comes on its standard input; then it says `sent` and waits for the next. */
#include "zmq_by_hand.h"

#include <string.h>

int main(int argc, char **argv) {
    if (argc != 4) fail("usage: publisher LIBZMQ ENDPOINT COUNT");
    zmq_load(argv[1]);
    long count = atol(argv[3]);
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_XPUB);
    if (!socket) fail("zmq_socket");
    zmq_option(socket, ZMQ_SNDHWM, 1000);
    zmq_option(socket, ZMQ_XPUB_NODROP, 1);
    if (zmq_connect(socket, argv[2])) fail("the proxy's endpoint can't be connected to");
    char subscription[256];
    while (zmq_recv(socket, subscription, sizeof subscription, 0) != 1) {}
    puts("ready");
    fflush(stdout);
    const char topic[] = "quote.binanceusdm.BTC/USDT:USDT.";
    char payload[150], line[16];
    memset(payload, 'x', sizeof payload);
    while (fgets(line, sizeof line, stdin)) {
        for (long i = 0; i < count; i++) {
            zmq_send(socket, topic, sizeof topic - 1, ZMQ_SNDMORE);
            zmq_send(socket, payload, sizeof payload, 0);
        }
        puts("sent");
        fflush(stdout);
    }
    zmq_option(socket, ZMQ_LINGER, 0);
    return 0;
}
