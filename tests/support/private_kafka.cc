#include "tests/support/private_kafka.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

constexpr std::array kListenerNames = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", "PROXIED"};
constexpr std::size_t kController = kListenerNames.size();

std::string Loopback(int port) { return "127.0.0.1:" + std::to_string(port); }

bool HasListener(const KafkaOptions& options, KafkaListener listener) {
  switch (listener) {
    case KafkaListener::kPlaintext:
      return true;
    case KafkaListener::kSsl:
      return options.tls.has_value();
    case KafkaListener::kSaslPlaintext:
      return !options.users.empty();
    case KafkaListener::kSaslSsl:
      return options.tls.has_value() && !options.users.empty();
    case KafkaListener::kProxied:
      return options.proxied;
  }
  return false;
}

// What one node needs that is small and soon ready. A dead broker's session ends after a second, so that the same one
// may come back at once.
std::vector<std::string> SmallProperties() {
  return {"num.partitions=1",
          "offsets.topic.num.partitions=1",
          "transaction.state.log.num.partitions=1",
          "share.coordinator.state.topic.num.partitions=1",
          "group.initial.rebalance.delay.ms=0",
          "num.network.threads=1",
          "num.io.threads=2",
          "background.threads=2",
          "log.cleaner.dedupe.buffer.size=2097152",
          "log.segment.bytes=16777216",
          "auto.create.topics.enable=false"};
}

std::vector<std::string> OneNode() {
  return {"offsets.topic.replication.factor=1",      "transaction.state.log.replication.factor=1",
          "transaction.state.log.min.isr=1",         "share.coordinator.state.topic.replication.factor=1",
          "share.coordinator.state.topic.min.isr=1", "default.replication.factor=1",
          "broker.session.timeout.ms=1000",          "broker.heartbeat.interval.ms=200"};
}

std::vector<std::string> OneOfThree() {
  return {"offsets.topic.replication.factor=3",
          "transaction.state.log.replication.factor=3",
          "transaction.state.log.min.isr=2",
          "share.coordinator.state.topic.replication.factor=3",
          "share.coordinator.state.topic.min.isr=2",
          "default.replication.factor=3",
          "min.insync.replicas=2",
          "broker.session.timeout.ms=1500",
          "broker.heartbeat.interval.ms=300",
          "controller.quorum.election.timeout.ms=500",
          "controller.quorum.fetch.timeout.ms=1000",
          "replica.lag.time.max.ms=2000"};
}

void Append(std::vector<std::string>& to, const std::vector<std::string>& lines) {
  to.insert(to.end(), lines.begin(), lines.end());
}

std::vector<int> NodePorts() {
  std::vector<int> ports;
  for (std::size_t i = 0; i <= kController; ++i) ports.push_back(FreePort());
  return ports;
}

// `ports`: by KafkaListener, then the controller's. `told`: by KafkaListener, where clients are to connect.
std::vector<std::string> Listeners(const KafkaOptions& options, const std::vector<int>& ports,
                                   const std::vector<int>& told) {
  std::string brokers;
  std::string advertised;
  for (std::size_t i = 0; i < kController; ++i) {
    if (!HasListener(options, static_cast<KafkaListener>(i))) continue;
    const std::string name = (brokers.empty() ? "" : ",") + std::string(kListenerNames[i]) + "://";
    brokers += name + Loopback(ports[i]);
    advertised += name + Loopback(told[i]);
  }
  return {"process.roles=broker,controller",
          "listeners=" + brokers + ",CONTROLLER://" + Loopback(ports[kController]),
          "advertised.listeners=" + advertised,
          "controller.listener.names=CONTROLLER",
          "inter.broker.listener.name=PLAINTEXT",
          "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,"
          "PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT"};
}

std::string LowerCase(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::vector<std::string> SaslProperties(const KafkaOptions& options) {
  std::vector<std::string> lines;
  std::string plain = "org.apache.kafka.common.security.plain.PlainLoginModule required";
  for (const KafkaUser& user : options.users) plain += " user_" + user.name + "=\"" + user.password + "\"";
  const std::string scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
  for (const KafkaListener listener : {KafkaListener::kSaslPlaintext, KafkaListener::kSaslSsl}) {
    if (!HasListener(options, listener)) continue;
    const std::string prefix = "listener.name." + LowerCase(kListenerNames[static_cast<std::size_t>(listener)]) + ".";
    Append(lines, {prefix + "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
                   prefix + "plain.sasl.jaas.config=" + plain + ";", prefix + "scram-sha-256.sasl.jaas.config=" + scram,
                   prefix + "scram-sha-512.sasl.jaas.config=" + scram});
  }
  return lines;
}

std::vector<std::string> ScramUsers(const KafkaOptions& options) {
  std::vector<std::string> users;
  for (const KafkaUser& user : options.users) {
    for (const char* const mechanism : {"SCRAM-SHA-256", "SCRAM-SHA-512"})
      users.push_back(std::string(mechanism) + "=[name=" + user.name + ",password=" + user.password + "]");
  }
  return users;
}

std::string TextOf(const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Kafka takes the key and the certificates from one file, which lies beside them.
std::vector<std::string> TlsProperties(const KafkaOptions& options) {
  if (!options.tls) return {};
  const std::string both = options.tls->key_file + "-and-certificate";
  std::ofstream(both) << TextOf(options.tls->key_file) << TextOf(options.tls->cert_file);
  std::vector<std::string> lines = {"ssl.keystore.type=PEM", "ssl.keystore.location=" + both};
  if (!options.tls->client_ca_file.empty()) {
    Append(lines, {"listener.name.ssl.ssl.client.auth=required", "ssl.truststore.type=PEM",
                   "ssl.truststore.location=" + options.tls->client_ca_file});
  }
  return lines;
}

// 128 random bits in 22 letters of Base64, of which the last one has but two bits.
std::string NewClusterId() {
  const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device random;
  std::string id;
  for (int i = 0; i < 21; ++i) id += letters[random() % letters.size()];
  return id + "A";
}

}  // namespace

Result<std::unique_ptr<PrivateKafka>> PrivateKafka::Start(const KafkaOptions& options) {
  HG_RETURN_IF_ERROR(KafkaNode::Installed());
  Error last;
  for (int i = 0; i < 3; ++i) {  // a port may be taken by another test meanwhile
    std::unique_ptr<PrivateKafka> server(new PrivateKafka());
    const Status started = server->StartFirst(options);
    if (started.ok()) return server;
    last = started.error();
  }
  return last;
}

Status PrivateKafka::StartFirst(const KafkaOptions& options) {
  ports_ = NodePorts();
  told_ports_ = ports_;
  if (options.proxied) {
    constexpr auto kProxied = static_cast<std::size_t>(KafkaListener::kProxied);
    HG_ASSIGN_OR_RETURN(proxy_, FaultProxy::Start("127.0.0.1", ports_[kProxied]));
    told_ports_[kProxied] = proxy_->port();
  }
  std::vector<std::string> properties = Listeners(options, ports_, told_ports_);
  Append(properties, {"node.id=1", "controller.quorum.voters=1@" + Loopback(ports_[kController])});
  Append(properties, SmallProperties());
  Append(properties, OneNode());
  Append(properties, SaslProperties(options));
  Append(properties, TlsProperties(options));
  Append(properties, options.settings);
  node_ = std::make_unique<KafkaNode>(1, std::move(properties), options.fast, options.data_dir);
  HG_RETURN_IF_ERROR(node_->Format(ScramUsers(options), options.own_identity ? NewClusterId() : ""));
  return StartAgain();
}

Status PrivateKafka::StartAgain() {
  HG_RETURN_IF_ERROR(node_->Launch());
  HG_RETURN_IF_ERROR(node_->AwaitStarted());
  const auto client = Connect();
  return client.ok() ? Ok() : Status(client.error());
}

int PrivateKafka::port(KafkaListener listener) const { return told_ports_[static_cast<std::size_t>(listener)]; }

std::string PrivateKafka::address(KafkaListener listener) const { return Loopback(port(listener)); }

Result<std::unique_ptr<PrivateKafkaCluster>> PrivateKafkaCluster::Start(const std::vector<std::string>& settings) {
  HG_RETURN_IF_ERROR(KafkaNode::Installed());
  Error last;
  for (int i = 0; i < 3; ++i) {
    std::unique_ptr<PrivateKafkaCluster> cluster(new PrivateKafkaCluster());
    const Status started = cluster->StartFirst(settings);
    if (started.ok()) return cluster;
    last = started.error();
  }
  return last;
}

Status PrivateKafkaCluster::StartFirst(const std::vector<std::string>& settings) {
  std::string voters;
  for (int node = 0; node < kNodes; ++node) {
    ports_.push_back(NodePorts());
    voters += (node == 0 ? "" : ",") + std::to_string(node + 1) + "@" + Loopback(ports_.back()[kController]);
  }
  for (int node = 0; node < kNodes; ++node) {
    const std::vector<int>& ports = ports_[static_cast<std::size_t>(node)];
    std::vector<std::string> properties = Listeners({}, ports, ports);
    Append(properties, {"node.id=" + std::to_string(node + 1), "controller.quorum.voters=" + voters});
    Append(properties, SmallProperties());
    Append(properties, OneOfThree());
    Append(properties, settings);
    nodes_.push_back(std::make_unique<KafkaNode>(node + 1, std::move(properties)));
    HG_RETURN_IF_ERROR(nodes_.back()->Format({}, ""));
  }
  for (const auto& node : nodes_) HG_RETURN_IF_ERROR(node->Launch());  // none serves before two of them are there
  for (const auto& node : nodes_) HG_RETURN_IF_ERROR(node->AwaitStarted());
  return AwaitBrokers(kNodes);
}

std::string PrivateKafkaCluster::address(int node) const { return Loopback(ports_[static_cast<std::size_t>(node)][0]); }

std::string PrivateKafkaCluster::address() const {
  std::string all;
  for (int node = 0; node < kNodes; ++node) all += (node == 0 ? "" : ",") + address(node);
  return all;
}

void PrivateKafkaCluster::KillNode(int node) { NodeAt(node).KillHard(); }

Status PrivateKafkaCluster::StartNode(int node) {
  HG_RETURN_IF_ERROR(NodeAt(node).Launch());
  return NodeAt(node).AwaitStarted();
}

Status PrivateKafkaCluster::FreezeNode(int node) const { return NodeAt(node).Freeze(); }

Status PrivateKafkaCluster::ThawNode(int node) const { return NodeAt(node).Thaw(); }

Status PrivateKafkaCluster::AwaitBrokers(int count) const {
  HG_ASSIGN_OR_RETURN(const KafkaClient client, Connect());
  Result<int> alive = 0;
  const bool there = WaitFor(
      [&] {
        alive = client.Brokers();
        return alive.ok() && *alive == count;
      },
      std::chrono::seconds(60));
  if (there) return Ok();
  return Transient("of " + std::to_string(count) + " brokers there are " +
                   (alive.ok() ? std::to_string(*alive) : alive.error().what));
}

std::string PrivateKafkaCluster::OutputEnd(int node) const { return NodeAt(node).OutputEnd(); }

}  // namespace headgate::test
