#include "tests/support/shared_kafka.h"

namespace headgate::test {

Result<PrivateKafka*> SharedKafka() {
  static const Result<std::unique_ptr<PrivateKafka>> shared = PrivateKafka::Start();
  if (!shared.ok()) return shared.error();
  return shared->get();
}

Result<std::unique_ptr<TestTopics>> TestTopics::Create() {
  static int number = 0;
  HG_ASSIGN_OR_RETURN(PrivateKafka * server, SharedKafka());
  HG_ASSIGN_OR_RETURN(KafkaClient client, server->Connect());
  return std::unique_ptr<TestTopics>(new TestTopics(server, "t" + std::to_string(++number) + ".", std::move(client)));
}

}  // namespace headgate::test
