#pragma once

namespace headgate::bench {

enum class TopicFormat { kJson, kProtobuf };

// A topic of four partitions into the durable log, each run of the source beside one of a bare consumer of the same
// library and settings that only counts; the round with the middle ratio is told.
void KafkaSourceThroughput(long records, TopicFormat format);

}  // namespace headgate::bench
