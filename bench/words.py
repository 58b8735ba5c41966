"""What the report says around its tables."""

METHOD = (
    "Written by `make bench`, on one machine, everything on its loopback: the real processes, the "
    "same sender, the same recording for all handlers, and a subscriber in C at the end. Rounds "
    "are interleaved (A B C A B C …); a figure is their median, with the least and the greatest "
    "in brackets, and a ratio is the median of the rounds' own ratios. CPU is user and system time "
    "of the handler's process, start excluded, for each message **sent**, so that a handler that "
    "loses messages looks cheaper than it is. Absolute figures are this machine's; the ratios "
    "travel better."
)
BLAST = (
    "{:,} quotes in one blast, which waits for the slowest reader and for nobody else. With two "
    "connections each quote comes twice, and counts once."
)
PACE = (
    "{:,} quotes of BTCUSDT ({:.0f} s, one part of them each round) as they were received from the "
    "exchange, in bursts. Latency is from the sender's write to the subscriber's receive, of every "
    "quote, by its update id; the loop that only counts notes its own receive. At this pace waking "
    "up costs more than the work: the first message of a burst pays for all. A handler with the "
    "proxy behind it has one subscriber, which is the proxy."
)
WHERE = (
    "Of `source: native`, by perf(1), in runs of their own. At the recording's pace most of a "
    "quote's CPU is the kernel's, which wakes the process and moves bytes, and Python with cold "
    "caches. And most of the latency is threads waking up: a quote wakes the worker, which writes "
    "to its sockets itself, for the proxy three threads, and two in the subscriber. A proxy that "
    "forwards in the thread that reads would save two of the six, perhaps 60 µs; libzmq's can't. "
    "Whoever needs the last of it has the CPUs kept awake (`keep_cpus_awake`, which is a row "
    "where the machine allows it), or subscribes to a worker's own port."
)
PROXY = (
    "Messages of 32 and 150 bytes from one publisher that waits where the proxy can take no more. "
    "The CPU is of the whole process, the history of each topic included."
)
LIVES = (
    "PSS: shared pages are divided by those who share them. A cold start is from exec to the first "
    "quote at a subscriber behind the proxy, the exchange asked for everything; a kill is under "
    "supervisord. Byte code is compiled beforehand, as `make` does. The environment is the one "
    "that `make start` makes: structlog imports rich where that is installed, as in the "
    "developers' environment, and each worker then takes 4 MB more."
)
UVLOOP = "**uvloop**: the tables above have feedd on asyncio's own loop as a row."
MESSAGEPACK = "**MessagePack**: one real quote, with all its keys."
SYMBOLS = (
    "**One process a symbol**: 10 symbols at 50 quotes a second each, evenly, through the proxy; "
    "then beside one that gets 3,000 at once every second (p99 is the other nine's); then the "
    "process of one is killed."
)
MANY = (
    "The generated market at 10 quotes and trades a second and symbol, of which the quotes are "
    "published, under supervisord, exchange and subscriber on the same machine; latency is through "
    "the proxy, over all symbols. Healthy is when `make start` says so; a restart is "
    "supervisord's, until the first quote of the new session. "
)
PROJECTION = (
    "What would end first with 1,000 of them on this machine: a line through what was measured, "
    "and what there is. Connections are what the exchange allows an address."
)
NO_SCALE = "Not measured yet: `make bench SCALE=1`."
