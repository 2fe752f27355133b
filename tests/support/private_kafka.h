#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/kafka_client.h"
#include "tests/support/kafka_node.h"

namespace headgate::test {

// A way in. kPlaintext is always there, without sign-in; kProxied is the same through a proxy that breaks the network.
enum class KafkaListener : std::uint8_t { kPlaintext, kSsl, kSaslPlaintext, kSaslSsl, kProxied };

// Signs in by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. Letters and digits.
struct KafkaUser {
  std::string name;
  std::string password;
};

// PEM files, as TestAuthority makes them.
struct KafkaTls {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file = {};  // if given, the kSsl listener asks for a client certificate of this authority
};

struct KafkaOptions {
  std::vector<std::string> settings = {};  // "name=value" of server.properties, last one wins
  std::vector<KafkaUser> users = {};       // if any: kSaslPlaintext, and with `tls` kSaslSsl
  std::optional<KafkaTls> tls = {};        // kSsl
  bool proxied = false;                    // kProxied
  bool own_identity = false;               // a cluster id that no other server of the tests has
  std::string data_dir = {};               // which is not there yet; "": in a folder of its own
  bool fast = false;                       // Java compiles and keeps as in production: to be measured, not soon ready
};

// Apache Kafka, one broker, on free ports of 127.0.0.1. It makes no topics by itself. Gone with the object; killed if
// the program dies. Lives on the thread that started it, which must live as long.
class PrivateKafka {
 public:
  // kConfig if Kafka is not installed.
  static Result<std::unique_ptr<PrivateKafka>> Start(const KafkaOptions& options = {});

  // HOST:PORT, for bootstrap.servers; the same after each start.
  std::string address(KafkaListener listener = KafkaListener::kPlaintext) const;
  int port(KafkaListener listener = KafkaListener::kPlaintext) const;
  Result<KafkaClient> Connect() const { return KafkaClient::Connect({{"bootstrap.servers", address()}}); }

  FaultProxy& proxy() { return *proxy_; }  // of kProxied

  Status Stop() { return node_->Stop(); }
  void KillHard() { node_->KillHard(); }                        // SIGKILL
  Status Freeze() const { return node_->Freeze(); }             // SIGSTOP: connections stay open, nothing answers
  Status Thaw() const { return node_->Thaw(); }                 // SIGCONT
  Status StartAgain();                                          // after Stop or KillHard; same folder and ports
  std::string OutputEnd() const { return node_->OutputEnd(); }  // for the message of a test that fails

 private:
  PrivateKafka() = default;
  Status StartFirst(const KafkaOptions& options);

  std::vector<int> ports_;       // by KafkaListener; the controller's last
  std::vector<int> told_ports_;  // the same, as clients connect to them
  std::unique_ptr<FaultProxy> proxy_;
  std::unique_ptr<KafkaNode> node_;
};

// Three of them, brokers and controllers at once; topics have three replicas by default, of which two must be in step.
// One may go; with two gone nothing is written and no leader is chosen. It does not stop in good order: that takes
// long.
class PrivateKafkaCluster {
 public:
  static constexpr int kNodes = 3;

  // `settings`: of every node. kConfig if Kafka is not installed.
  static Result<std::unique_ptr<PrivateKafkaCluster>> Start(const std::vector<std::string>& settings = {});

  std::string address() const;  // of all of them
  std::string address(int node) const;
  Result<KafkaClient> Connect() const { return KafkaClient::Connect({{"bootstrap.servers", address()}}); }

  // Nodes count from 0, where node.id counts from 1: `node` is one less than what metadata says.
  void KillNode(int node);     // SIGKILL
  Status StartNode(int node);  // after KillNode; returns when the process serves
  Status FreezeNode(int node) const;
  Status ThawNode(int node) const;
  // Until that many brokers are known to be alive: a dead one is known after a second and a half.
  Status AwaitBrokers(int count) const;
  std::string OutputEnd(int node) const;

 private:
  PrivateKafkaCluster() = default;
  Status StartFirst(const std::vector<std::string>& settings);
  KafkaNode& NodeAt(int node) const { return *nodes_[static_cast<std::size_t>(node)]; }

  std::vector<std::vector<int>> ports_;  // by node
  std::vector<std::unique_ptr<KafkaNode>> nodes_;
};

}  // namespace headgate::test
