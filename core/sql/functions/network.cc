#include "core/sql/network.h"

#include "core/sql/cast.h"
#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// Functions, operators and casts of network addresses. A cidr is taken for an inet where only that is asked for.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using View = std::string_view;

std::string Host(View v) {
  Network network = ReadNetwork(v);
  network.bits = network.width();
  return NetworkText(network, false);
}
I MaskLength(View v) { return ReadNetwork(v).bits; }
I Family(View v) { return ReadNetwork(v).six ? 6 : 4; }
std::string Text(View v) { return NetworkText(ReadNetwork(v), true); }
std::string NetworkOf(View v) { return NetworkText(ReadNetwork(v).Masked(), true); }
std::string AbbreviatedInet(View v) { return NetworkText(ReadNetwork(v), false); }
std::string AbbreviatedCidr(View v) { return AbbreviatedNetwork(ReadNetwork(v)); }

Network OfBits(const Network& like, bool network_part) {
  Network out = like;
  out.bytes.fill(0xFF);
  out = out.Masked();
  if (!network_part) {
    for (std::uint8_t& byte : out.bytes) byte = static_cast<std::uint8_t>(~byte);
  }
  out.bits = out.width();
  return out;
}
std::string NetMask(View v) { return NetworkText(OfBits(ReadNetwork(v), true), false); }
std::string HostMask(View v) { return NetworkText(OfBits(ReadNetwork(v), false), false); }
std::string Broadcast(View v) {
  Network network = ReadNetwork(v);
  const Network host = OfBits(network, false);
  for (std::size_t i = 0; i < network.bytes.size(); ++i) network.bytes[i] |= host.bytes[i];
  return NetworkText(network, false);
}

bool ContainsEqual(View a, View b) { return NetworkContains(ReadNetwork(a), ReadNetwork(b)); }
bool Contains(View a, View b) { return ContainsEqual(a, b) && MaskLength(a) < MaskLength(b); }
bool ContainedEqual(View a, View b) { return ContainsEqual(b, a); }
bool Contained(View a, View b) { return Contains(b, a); }
bool Overlaps(View a, View b) { return ContainsEqual(a, b) || ContainsEqual(b, a); }

std::string InetOfCidr(View v) { return NetworkText(ReadNetwork(v), false); }

constexpr TypeId kInet = TypeId::kInet;
constexpr TypeId kCidr = TypeId::kCidr;
constexpr TypeId kText = TypeId::kText;
constexpr TypeId kI4 = TypeId::kInt4;
constexpr TypeId kBool = TypeId::kBool;

const Function kTable[] = {
    {"host", {kInet}, kText, kLift<Host>},
    {"masklen", {kInet}, kI4, kLift<MaskLength>},
    {"family", {kInet}, kI4, kLift<Family>},
    {"text", {kInet}, kText, kLift<Text>},
    {"network", {kInet}, kCidr, kLift<NetworkOf>},
    {"abbrev", {kInet}, kText, kLift<AbbreviatedInet>},
    {"abbrev", {kCidr}, kText, kLift<AbbreviatedCidr>},
    {"netmask", {kInet}, kInet, kLift<NetMask>},
    {"hostmask", {kInet}, kInet, kLift<HostMask>},
    {"broadcast", {kInet}, kInet, kLift<Broadcast>},
    {"<<", {kInet, kInet}, kBool, kLift<Contained>},
    {"<<=", {kInet, kInet}, kBool, kLift<ContainedEqual>},
    {">>", {kInet, kInet}, kBool, kLift<Contains>},
    {">>=", {kInet, kInet}, kBool, kLift<ContainsEqual>},
    {"&&", {kInet, kInet}, kBool, kLift<Overlaps>},
};

const Cast kCasts[] = {
    {kCidr, kInet, CastContext::kImplicit, kLift<InetOfCidr>},
    {kInet, kCidr, CastContext::kAssignment, kLift<NetworkOf>},
    {kInet, kText, CastContext::kAssignment, kLift<Text>},
    {kInet, TypeId::kVarchar, CastContext::kAssignment, kLift<Text>},
    {kInet, TypeId::kBpchar, CastContext::kAssignment, kLift<Text>},
    {kCidr, kText, CastContext::kAssignment, kLift<Text>},
    {kCidr, TypeId::kVarchar, CastContext::kAssignment, kLift<Text>},
    {kCidr, TypeId::kBpchar, CastContext::kAssignment, kLift<Text>},
};

}  // namespace

std::span<const Function> NetworkFunctions() { return kTable; }
std::span<const Cast> NetworkCasts() { return kCasts; }

}  // namespace headgate::sql
