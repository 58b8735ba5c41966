"""Text of the report around its tables."""

METHOD = (
    "Written by `make bench` on one machine, over its loopback: real processes, the same sender "
    "and the same recording for all handlers, and a subscriber in C. Rounds are interleaved (A B C "
    "A B C …). A figure is the median of the rounds, with minimum and maximum in brackets; a ratio "
    "is the median of the rounds' ratios. CPU is user and system time of the handler's process, "
    "without start-up, per message **sent**, so that a handler that loses messages looks cheaper "
    "than it is. Absolute figures depend on the machine; ratios do so less."
)
BLAST = (
    "{:,} quotes in one burst, limited only by the slowest reader. With two connections each quote "
    "arrives twice and counts once."
)
PACE = (
    "{:,} quotes of BTCUSDT ({:.0f} s, one part of them per round) at the times at which they were "
    "received from the exchange, in bursts. Latency is from the sender's write to the subscriber's "
    "receive, of every quote, matched by update id; the loop that only counts records its own "
    "receive. At this pace waking up costs more than the work: the first message of a burst pays "
    "for all. A handler behind the proxy has one subscriber, the proxy."
)
WHERE = (
    "Of `source: native`, by perf(1), in separate runs. At the recording's pace most of a quote's "
    "CPU is the kernel's, which wakes the process and copies bytes, and Python with cold caches. "
    "Most of the latency is threads waking up: a quote wakes the worker, which writes to its "
    "sockets itself, then three threads of the proxy and two of the subscriber. A proxy that "
    "forwards in the thread that reads would save two of the six, perhaps 60 µs; libzmq's cannot. "
    "For the lowest latency keep the CPUs awake (`keep_cpus_awake`, a row of the table if the "
    "machine allows it) or subscribe to a worker's own port."
)
PROXY = (
    "Messages of 32 and 150 bytes from one publisher that waits while the proxy can take no more. "
    "CPU is that of the whole process, including the history of each topic."
)
LIVES = (
    "PSS divides shared pages among the processes that share them. A cold start is from exec to "
    "the first quote at a subscriber behind the proxy, with everything requested from the "
    "exchange; a kill is under supervisord. Byte code is compiled beforehand, as `make` does. The "
    "environment is that of `make start`: structlog imports rich if it is installed, as in the "
    "development environment, and each worker then uses 4 MB more."
)
UVLOOP = "**uvloop**: the tables above have a row for feedd on asyncio's own loop."
MESSAGEPACK = "**MessagePack**: one real quote with all its keys."
SYMBOLS = (
    "**One process per symbol**: 10 symbols at 50 evenly spaced quotes per second each, through "
    "the proxy; then beside a symbol that receives 3,000 at once every second (p99 is that of the "
    "other nine); then one symbol's process is killed."
)
MANY = (
    "The generated market at 10 quotes and trades per second and symbol, of which the quotes are "
    "published, under supervisord, with exchange and subscriber on the same machine. Latency is "
    "through the proxy, over all symbols. Healthy is when `make start` reports it; a restart is "
    "supervisord's, until the first quote of the new session. "
)
PROJECTION = (
    "Which resource 1,000 symbols exhaust first on this machine: a linear fit of the measurements, "
    "against what the machine has. Connections are what the exchange allows one address."
)
NO_SCALE = "Not measured yet: `make bench SCALE=1`."
