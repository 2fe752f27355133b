#pragma once

// Events over HTTP: clients that post, against a file that the same bodies are appended and synced to.
namespace headgate::bench {

// Closed loop: each connection posts `per_request` events of 200 bytes as soon as it has its answer.
void IngestThroughput(int connections, int per_request, int seconds);
// Open loop: one event a request, so many a second.
void IngestLatency(int per_second, int seconds);

}  // namespace headgate::bench
