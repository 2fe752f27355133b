#include "core/sql/network.h"

#include "core/sql/cast.h"
#include "core/sql/functions/table_words.h"
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
std::string NetworkWithBits(View v) { return NetworkText(ReadNetwork(v), true); }
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

bool ContainsOrEquals(View a, View b) { return NetworkContains(ReadNetwork(a), ReadNetwork(b)); }
bool ContainsNetwork(View a, View b) { return ContainsOrEquals(a, b) && MaskLength(a) < MaskLength(b); }
bool ContainedEqual(View a, View b) { return ContainsOrEquals(b, a); }
bool Contained(View a, View b) { return ContainsNetwork(b, a); }
bool NetworksOverlap(View a, View b) { return ContainsOrEquals(a, b) || ContainsOrEquals(b, a); }

std::string InetOfCidr(View v) { return NetworkText(ReadNetwork(v), false); }

const Function kNetworkFunctions[] = {
    {"host", {kInet}, kText, kLift<Host>},
    {"masklen", {kInet}, kI4, kLift<MaskLength>},
    {"family", {kInet}, kI4, kLift<Family>},
    {"text", {kInet}, kText, kLift<NetworkWithBits>},
    {"network", {kInet}, kCidr, kLift<NetworkOf>},
    {"abbrev", {kInet}, kText, kLift<AbbreviatedInet>},
    {"abbrev", {kCidr}, kText, kLift<AbbreviatedCidr>},
    {"netmask", {kInet}, kInet, kLift<NetMask>},
    {"hostmask", {kInet}, kInet, kLift<HostMask>},
    {"broadcast", {kInet}, kInet, kLift<Broadcast>},
    {"<<", {kInet, kInet}, kBool, kLift<Contained>},
    {"<<=", {kInet, kInet}, kBool, kLift<ContainedEqual>},
    {">>", {kInet, kInet}, kBool, kLift<ContainsNetwork>},
    {">>=", {kInet, kInet}, kBool, kLift<ContainsOrEquals>},
    {"&&", {kInet, kInet}, kBool, kLift<NetworksOverlap>},
};

const Cast kNetworkCasts[] = {
    {kCidr, kInet, kImplicit, kLift<InetOfCidr>},           {kInet, kCidr, kAssignment, kLift<NetworkOf>},
    {kInet, kText, kAssignment, kLift<NetworkWithBits>},    {kInet, kVarchar, kAssignment, kLift<NetworkWithBits>},
    {kInet, kBpchar, kAssignment, kLift<NetworkWithBits>},  {kCidr, kText, kAssignment, kLift<NetworkWithBits>},
    {kCidr, kVarchar, kAssignment, kLift<NetworkWithBits>}, {kCidr, kBpchar, kAssignment, kLift<NetworkWithBits>},
};

}  // namespace

std::span<const Function> NetworkFunctions() { return kNetworkFunctions; }
std::span<const Cast> NetworkCasts() { return kNetworkCasts; }

}  // namespace headgate::sql
