#include <map>

#include "core/config/spec.h"
#include "core/sql/functions/tables.h"

namespace headgate::sql {
namespace {

using Index = std::map<std::string_view, std::vector<Function>>;

const Index& Functions() {
  static const Index index = [] {
    Index all;
    for (const auto table :
         {BytesFunctions(),        ComparisonFunctions(),     DegreeFunctions(),     EncodeFunctions(),
          FloatFunctions(),        FormatFunctions(),         IntegerFunctions(),    LikeFunctions(),
          NumberFormatFunctions(), NumberUnformatFunctions(), NumericFunctions(),    QuoteFunctions(),
          TextFunctions(),         TextJoinFunctions(),       TimeFormatFunctions(), TimeFunctions(),
          TimeOperatorFunctions(), TimeOverlapsFunctions(),   TimePartFunctions(),   TimeTruncFunctions(),
          TimeUnformatFunctions()}) {
      for (const Function& function : table) all[function.name].push_back(function);
    }
    return all;
  }();
  return index;
}

}  // namespace

std::span<const Function> FindFunctions(std::string_view name) {
  const auto found = Functions().find(name);
  return found == Functions().end() ? std::span<const Function>{} : std::span<const Function>(found->second);
}

std::string_view SimilarFunction(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& [known, overloads] : Functions()) names.push_back(known);
  return config::Nearest(name, names);
}

}  // namespace headgate::sql
