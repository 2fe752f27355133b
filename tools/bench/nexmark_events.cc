#include "tools/bench/nexmark_events.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace headgate::nexmark {
namespace {

constexpr std::int64_t kEpoch = 50;  // events, in the order: a person, the auctions, the bids
constexpr std::int64_t kAuctionsPerEpoch = 3;
constexpr std::int64_t kFirstId = 1000;
constexpr std::int64_t kActivePersons = 1000;
constexpr std::int64_t kOpenAuctions = 100;
constexpr std::int64_t kLead = 10;       // ids that are named before they are there
constexpr std::int64_t kHotEvery = 100;  // one id of so many is hot for a while
constexpr std::int64_t kPaceUs = 100;    // from event to event
constexpr std::int64_t kStartUs = (26LL * 365 + 7 + 62) * 86'400'000'000 - 250'000;  // 2500 events before 2026-03-04

constexpr std::array kStates = {"AZ", "CA", "ID", "OR", "WA", "WY"};
constexpr std::array kCities = {"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland",
                                "Bend",    "Redmond",     "Seattle",       "Kent",  "Cheyenne"};
constexpr std::array kFirstNames = {"Peter", "Paul", "Luke",  "John",  "Saul",
                                    "Vicky", "Kate", "Julie", "Sarah", "Deiter"};
constexpr std::array kLastNames = {"Shultz", "Abrams", "Spencer", "White", "Bartels",
                                   "Walton", "Smith",  "Jones",   "Noris"};
constexpr std::array kHotChannels = {"Google", "Facebook", "Baidu", "Apple"};

// What is drawn for one event.
class Draw {
 public:
  explicit Draw(std::int64_t number) : state_(static_cast<std::uint64_t>(number)) { Next(); }

  std::int64_t Below(std::int64_t n) { return static_cast<std::int64_t>(Next() % static_cast<std::uint64_t>(n)); }
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  template <std::size_t N>
  std::string OneOf(const std::array<const char*, N>& words) {
    return words[static_cast<std::size_t>(Below(N))];
  }
  std::string Letters(std::int64_t length) {
    std::string text(static_cast<std::size_t>(std::max<std::int64_t>(length, 0)), ' ');
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < text.size(); ++i, bits /= 26) {
      if (i % 12 == 0) bits = Next();
      text[i] = static_cast<char>('a' + bits % 26);
    }
    return text;
  }
  // What makes a row of about `bytes`, of which there are `present`.
  std::string Extra(std::int64_t bytes, std::size_t present) {
    const std::int64_t missing = bytes - static_cast<std::int64_t>(present);
    return missing <= 0 ? "" : Letters(missing * 4 / 5 + Below(missing * 2 / 5 + 1));
  }
  std::int64_t Price() { return std::llround(std::pow(10.0, Unit() * 6) * 100); }

 private:
  // SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
  std::uint64_t Next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

std::int64_t TimeOf(std::int64_t number) { return kStartUs + number * kPaceUs; }

// Three of four are the hot one.
std::int64_t SomePerson(Draw& draw, std::int64_t last, std::int64_t hot_offset) {
  if (draw.Below(4) > 0) return kFirstId + last / kHotEvery * kHotEvery + hot_offset;
  const std::int64_t active = std::min(last + 1, kActivePersons);
  return kFirstId + last + 1 - active + draw.Below(active + kLead);
}

Person MakePerson(Draw& draw, std::int64_t number) {
  Person person = {};
  person.id = kFirstId + number / kEpoch;
  person.name = draw.OneOf(kFirstNames) + " " + draw.OneOf(kLastNames);
  person.email = draw.Letters(7) + "@" + draw.Letters(5) + ".com";
  for (int group = 0; group < 4; ++group)
    person.credit_card += (group == 0 ? "" : " ") + std::to_string(1000 + draw.Below(9000));
  person.city = draw.OneOf(kCities);
  person.state = draw.OneOf(kStates);
  person.at = TimeOf(number);
  person.extra = draw.Extra(
      200, 16 + person.name.size() + person.email.size() + person.credit_card.size() + person.city.size() + 2);
  return person;
}

Auction MakeAuction(Draw& draw, std::int64_t number) {
  Auction auction = {};
  auction.id = kFirstId + number / kEpoch * kAuctionsPerEpoch + number % kEpoch - 1;
  auction.item_name = draw.Letters(20);
  auction.description = draw.Letters(100);
  auction.initial_bid = draw.Price();
  auction.reserve = auction.initial_bid + draw.Price();
  auction.at = TimeOf(number);
  // So that about kOpenAuctions are open at any time.
  const std::int64_t horizon = kOpenAuctions * kEpoch / kAuctionsPerEpoch * kPaceUs;
  auction.expires = auction.at + 1 + draw.Below(2 * horizon);
  auction.seller = SomePerson(draw, number / kEpoch, 0);
  auction.category = 10 + draw.Below(5);
  auction.extra = draw.Extra(500, 56 + 120);
  return auction;
}

Bid MakeBid(Draw& draw, std::int64_t number) {
  Bid bid = {};
  const std::int64_t last = (number / kEpoch + 1) * kAuctionsPerEpoch - 1;  // auction
  const std::int64_t oldest = std::max<std::int64_t>(last - kOpenAuctions, 0);
  bid.auction =
      kFirstId + (draw.Below(2) > 0 ? last / kHotEvery * kHotEvery : oldest + draw.Below(last - oldest + 1 + kLead));
  bid.bidder = SomePerson(draw, number / kEpoch, 1);
  bid.price = draw.Price();
  const bool hot = draw.Below(2) > 0;
  bid.channel = hot ? draw.OneOf(kHotChannels) : "channel-" + std::to_string(draw.Below(10'000));
  bid.url = "https://www.nexmark.com/" + draw.Letters(5) + "/" + draw.Letters(5) + "/" + draw.Letters(5) +
            "/item.htm?query=1";
  bid.at = TimeOf(number);
  bid.extra = draw.Extra(100, 32);
  return bid;
}

}  // namespace

Event EventAt(std::int64_t number) {
  Draw draw(number);
  const std::int64_t place = number % kEpoch;
  if (place == 0) return MakePerson(draw, number);
  if (place <= kAuctionsPerEpoch) return MakeAuction(draw, number);
  return MakeBid(draw, number);
}

}  // namespace headgate::nexmark
