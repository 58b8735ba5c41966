/* The limit: receives, parses and sends what feedd's worker does for quotes, and nothing else.
 *
 *   handler LIBZMQ HOST_PORT STREAM ENDPOINT
 *
 * It takes the exchange's bookTicker frames from the socket, reads each JSON, and sends topic and
 * MessagePack payload with the keys, in the order, that feedd's have. No reconnect, no health, no
 * ping: it shows what the work itself costs. */
#define _GNU_SOURCE
#include "zmq_by_hand.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char TOPIC[] = "quote.binanceusdm.BTC/USDT:USDT.";
static unsigned char buffer[1 << 20];

typedef struct { unsigned char bytes[512]; size_t size; } Payload;

static const char *after(const char *at, const char *end, const char *key) {
    const char *found = memmem(at, (size_t)(end - at), key, strlen(key));
    if (!found) fail("a quote without a key that it must have");
    return found + strlen(key);
}

/* Exact for what an exchange sends: below 2^53 in units of its last decimal, and 10^22 is exact. */
static double number(const char *at) {
    uint64_t units = 0;
    double scale = 1;
    for (; *at >= '0' && *at <= '9'; at++) units = units * 10 + (uint64_t)(*at - '0');
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++, scale *= 10)
            units = units * 10 + (uint64_t)(*at - '0');
    return (double)units / scale;
}

static void text(Payload *to, const char *value) {
    size_t size = strlen(value);
    to->bytes[to->size++] = (unsigned char)(0xa0 | size);
    memcpy(to->bytes + to->size, value, size);
    to->size += size;
}

static void word(Payload *to, unsigned char kind, uint64_t value) {
    to->bytes[to->size++] = kind;
    for (int shift = 56; shift >= 0; shift -= 8) to->bytes[to->size++] = (unsigned char)(value >> shift);
}

static void integer(Payload *to, const char *key, uint64_t value) {
    text(to, key);
    word(to, 0xcf, value);
}

static void real(Payload *to, const char *key, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    text(to, key);
    word(to, 0xcb, bits);
}

static void publish(void *socket, const char *json, const char *end, uint64_t received_ns,
                    uint64_t session) {
    static uint64_t seq;
    Payload to = {.size = 0};
    const char *id = after(json, end, "\"u\":"), *bid = after(id, end, "\"b\":\"");
    const char *bid_size = after(bid, end, "\"B\":\""), *ask = after(bid_size, end, "\"a\":\"");
    const char *ask_size = after(ask, end, "\"A\":\""), *time = after(ask_size, end, "\"T\":");
    to.bytes[to.size++] = 0x8c; /* a map of twelve */
    text(&to, "symbol");
    text(&to, "BTC/USDT:USDT");
    integer(&to, "timestamp", strtoull(time, NULL, 10));
    real(&to, "bid", number(bid));
    real(&to, "bid_size", number(bid_size));
    real(&to, "ask", number(ask));
    real(&to, "ask_size", number(ask_size));
    text(&to, "exchange");
    text(&to, "binanceusdm");
    integer(&to, "received_ns", received_ns);
    integer(&to, "published_ns", now_ns());
    integer(&to, "session", session);
    integer(&to, "seq", ++seq);
    integer(&to, "id", strtoull(id, NULL, 10));
    zmq_send(socket, TOPIC, sizeof TOPIC - 1, ZMQ_SNDMORE);
    zmq_send(socket, to.bytes, to.size, 0);
}

static int connected(int port, const char *stream) {
    int one = 1, exchange = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (exchange < 0 || connect(exchange, (struct sockaddr *)&address, sizeof address))
        fail("no exchange there");
    setsockopt(exchange, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    char request[512];
    int size = snprintf(request, sizeof request,
                        "GET /public/ws/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", stream, port);
    if (write(exchange, request, (size_t)size) != size) fail("the request can't be written");
    return exchange;
}

int main(int argc, char **argv) {
    if (argc != 5) fail("usage: handler LIBZMQ PORT STREAM ENDPOINT");
    zmq_load(argv[1]);
    void *socket = zmq_socket(zmq_ctx_new(), ZMQ_PUB);
    if (!socket) fail("zmq_socket");
    zmq_option(socket, ZMQ_SNDHWM, 0);
    if (zmq_bind(socket, argv[4])) fail("the endpoint can't be had");
    int exchange = connected(atoi(argv[2]), argv[3]);
    uint64_t session = now_ns() / 1000000u;
    size_t have = 0, at = 0;
    int upgraded = 0;
    for (;;) {
        ssize_t got = read(exchange, buffer + have, sizeof buffer - have);
        if (got <= 0) fail("the exchange has closed the connection");
        uint64_t received_ns = now_ns();
        have += (size_t)got;
        if (!upgraded) {
            unsigned char *end = memmem(buffer, have, "\r\n\r\n", 4);
            if (!end) continue;
            if (have < 12 || memcmp(buffer + 9, "101", 3)) fail("the exchange has refused");
            at = (size_t)(end - buffer) + 4;
            upgraded = 1;
        }
        while (have - at >= 4) { /* RFC 6455, 5.2; a server's frames are not masked */
            size_t size = buffer[at + 1], head = 2;
            if (size == 126) {
                size = (size_t)buffer[at + 2] << 8 | buffer[at + 3];
                head = 4;
            }
            if (size == 127) fail("a frame that is too long for a quote");
            if (have - at < head + size) break;
            const char *json = (const char *)buffer + at + head;
            if (buffer[at] == 0x81) publish(socket, json, json + size, received_ns, session);
            at += head + size;
        }
        memmove(buffer, buffer + at, have - at);
        have -= at;
        at = 0;
    }
}
