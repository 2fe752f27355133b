#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "tests/support/child_process.h"

namespace headgate::test {

// One Kafka process in a folder of its own: broker and controller (KRaft). Lives on the thread that started it, which
// must live as long. PrivateKafka and PrivateKafkaCluster say which lines its properties have.
class KafkaNode {
 public:
  // kConfig if no Kafka is installed (HEADGATE_TEST_KAFKA: what `./dev setup kafka` filled; default
  // ~/.cache/headgate/kafka).
  static Status Installed();

  // `properties`: lines of its server.properties, last one wins. `fast`: to be measured, where it is else soon ready.
  // `data_dir`: which is not there yet; "": in a folder of its own.
  KafkaNode(int id, std::vector<std::string> properties, bool fast = false, std::string data_dir = "");
  ~KafkaNode();
  KafkaNode(const KafkaNode&) = delete;
  KafkaNode& operator=(const KafkaNode&) = delete;

  // Makes the empty storage. `users`: of SCRAM, as StorageTool takes them; `cluster_id` "": the one of all tests.
  Status Format(const std::vector<std::string>& users, const std::string& cluster_id);
  // Starts the process and returns. After Stop or KillHard it goes on with what it had.
  Status Launch();
  // Until the process says that it serves. An error has the end of its output.
  Status AwaitStarted();

  bool running() const { return child_ != nullptr; }
  Status Stop();    // SIGTERM, and waits
  void KillHard();  // SIGKILL
  Status Freeze() const;
  Status Thaw() const;
  std::string OutputEnd() const;

 private:
  Status Signal(int signal) const;
  std::string output() const { return dir_.path() + "/server.log"; }

  TempDir dir_;
  const std::string data_dir_;
  const int id_;
  const bool fast_;
  std::uintmax_t output_before_ = 0;  // bytes that earlier starts wrote
  std::unique_ptr<Child> child_;
};

}  // namespace headgate::test
