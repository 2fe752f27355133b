#include <algorithm>
#include <limits>

#include "core/sql/array_value.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/key.h"
#include "core/sql/lift.h"
#include "core/sql/over_datums.h"

// Functions and operators of arrays.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Arguments = std::span<const Datum>;

constexpr I kItemsMax = 134'217'727;

ArrayValue ArrayArgument(const CallSite& site, Arguments arguments, std::size_t at) {
  return ArrayValue::Read(arguments[at].s, site.arguments[at].Element());
}
// The place behind the last element has to be a number too.
Datum PayloadWithinBounds(EvalContext& context, const ArrayValue& array, Type element) {
  for (const ArrayDimension& d : array.dimensions) {
    if (d.lower_bound + d.length > std::numeric_limits<std::int32_t>::max())
      return Refused(context, "54000", "array lower bound is too large: " + std::to_string(d.lower_bound));
  }
  return Datum::Of(array.Payload(element));
}
Datum Written(const ArrayValue& array, Type element) { return Datum::Of(array.Payload(element)); }

std::string KeyOf(Type type, const Datum& value) {
  std::string key;
  AppendKey(key, type, value);
  return key;
}

// The dimension that a function names, from 1; nullptr if the array has none of that number.
const ArrayDimension* DimensionOf(const ArrayValue& array, const Datum& number) {
  if (number.i < 1 || number.i > static_cast<I>(array.dimensions.size())) return nullptr;
  return &array.dimensions[static_cast<std::size_t>(number.i - 1)];
}
I UpperBound(const ArrayDimension& dimension) { return dimension.lower_bound + dimension.length - 1; }

Datum ArrayLength(EvalContext&, const CallSite& site, Arguments arguments) {
  const ArrayValue array = ArrayArgument(site, arguments, 0);
  const ArrayDimension* dimension = DimensionOf(array, arguments[1]);
  return dimension == nullptr ? Datum::Null() : Datum::Of(dimension->length);
}
Datum ArrayLower(EvalContext&, const CallSite& site, Arguments arguments) {
  const ArrayValue array = ArrayArgument(site, arguments, 0);
  const ArrayDimension* dimension = DimensionOf(array, arguments[1]);
  return dimension == nullptr ? Datum::Null() : Datum::Of(dimension->lower_bound);
}
Datum ArrayUpper(EvalContext&, const CallSite& site, Arguments arguments) {
  const ArrayValue array = ArrayArgument(site, arguments, 0);
  const ArrayDimension* dimension = DimensionOf(array, arguments[1]);
  return dimension == nullptr ? Datum::Null() : Datum::Of(UpperBound(*dimension));
}
Datum Dimensions(EvalContext&, const CallSite& site, Arguments arguments) {
  const ArrayValue array = ArrayArgument(site, arguments, 0);
  return array.dimensions.empty() ? Datum::Null() : Datum::Of(static_cast<I>(array.dimensions.size()));
}
Datum DimensionText(EvalContext&, const CallSite& site, Arguments arguments) {
  const ArrayValue array = ArrayArgument(site, arguments, 0);
  if (array.dimensions.empty()) return Datum::Null();
  std::string text;
  for (const ArrayDimension& d : array.dimensions)
    text += "[" + std::to_string(d.lower_bound) + ":" + std::to_string(UpperBound(d)) + "]";
  return Datum::Of(std::move(text));
}
Datum Cardinality(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(static_cast<I>(ArrayArgument(site, arguments, 0).elements.size()));
}

// array_append (front: false) and array_prepend. NULL is an array without elements here.
Datum Grown(EvalContext& context, ArrayValue array, Datum element, Type type, bool front) {
  if (array.dimensions.size() > 1) return Refused(context, "22000", "argument must be empty or one-dimensional array");
  if (array.dimensions.empty()) array.dimensions.push_back({0, 1});
  ArrayDimension& dimension = array.dimensions[0];
  const I place = front ? dimension.lower_bound - 1 : UpperBound(dimension) + 1;
  if (place < std::numeric_limits<std::int32_t>::min() || place > std::numeric_limits<std::int32_t>::max())
    return Refused(context, "22003", "integer out of range");
  ++dimension.length;
  array.elements.insert(front ? array.elements.begin() : array.elements.end(), std::move(element));
  return PayloadWithinBounds(context, array, type);
}
Datum AppendElement(EvalContext& context, const CallSite& site, Arguments arguments) {
  return Grown(context, ArrayArgument(site, arguments, 0), arguments[1], site.result.Element(), false);
}
Datum PrependElement(EvalContext& context, const CallSite& site, Arguments arguments) {
  return Grown(context, ArrayArgument(site, arguments, 1), arguments[0], site.result.Element(), true);
}

// The inner dimensions of `inner` from `inner_from` on are those of `outer` from 1 on, bounds too.
bool Alike(const ArrayValue& inner, std::size_t inner_from, const ArrayValue& outer) {
  return std::equal(inner.dimensions.begin() + static_cast<std::ptrdiff_t>(inner_from), inner.dimensions.end(),
                    outer.dimensions.begin() + 1, outer.dimensions.end(), [](const auto& a, const auto& b) {
                      return a.length == b.length && a.lower_bound == b.lower_bound;
                    });
}

Datum ConcatenateArrays(EvalContext& context, const CallSite& site, Arguments arguments) {
  if (arguments[0].null || arguments[1].null) return arguments[0].null ? arguments[1] : arguments[0];
  ArrayValue a = ArrayArgument(site, arguments, 0);
  ArrayValue b = ArrayArgument(site, arguments, 1);
  if (a.dimensions.empty()) return arguments[1];
  if (b.dimensions.empty()) return arguments[0];
  const std::size_t depth_a = a.dimensions.size();
  const std::size_t depth_b = b.dimensions.size();
  ArrayValue whole;
  if (depth_a == depth_b && Alike(b, 1, a)) {
    whole.dimensions = a.dimensions;
    whole.dimensions[0].length += b.dimensions[0].length;
  } else if (depth_a + 1 == depth_b && Alike(a, 0, b)) {  // one more in front
    whole.dimensions = b.dimensions;
    ++whole.dimensions[0].length;
  } else if (depth_a == depth_b + 1 && Alike(b, 0, a)) {
    whole.dimensions = a.dimensions;
    ++whole.dimensions[0].length;
  } else {
    return Refused(context, "2202E", "cannot concatenate incompatible arrays");
  }
  whole.elements = std::move(a.elements);
  std::ranges::move(b.elements, std::back_inserter(whole.elements));
  return PayloadWithinBounds(context, whole, site.result.Element());
}

bool HasOneDimension(EvalContext& context, const ArrayValue& array, const char* doing) {
  if (array.dimensions.size() <= 1) return true;
  context.Fail("0A000", std::string(doing) + " multidimensional arrays is not supported");
  return false;
}

// The places where the element stands, NULL like any other; the arguments may end with a first place.
std::vector<Datum> PlacesOf(EvalContext& context, const CallSite& site, Arguments arguments, std::size_t limit) {
  const ArrayValue array = ArrayArgument(site, arguments, 0);
  std::vector<Datum> places;
  if (!HasOneDimension(context, array, "searching for elements in") || array.dimensions.empty()) return places;
  I from = std::numeric_limits<I>::min();
  if (arguments.size() > 2) {
    if (arguments[2].null) context.Fail("22004", "initial position must not be null");
    from = arguments[2].i;
  }
  const Type type = site.arguments[0].Element();
  const std::string wanted = KeyOf(type, arguments[1]);
  for (std::size_t i = 0; i < array.elements.size() && places.size() < limit; ++i) {
    const I place = array.dimensions[0].lower_bound + static_cast<I>(i);
    if (place >= from && KeyOf(type, array.elements[i]) == wanted) places.push_back(Datum::Of(place));
  }
  return places;
}
Datum PositionOfElement(EvalContext& context, const CallSite& site, Arguments arguments) {
  if (arguments[0].null) return Datum::Null();
  const auto places = PlacesOf(context, site, arguments, 1);
  return places.empty() ? Datum::Null() : places[0];
}
Datum PositionsOfElement(EvalContext& context, const CallSite& site, Arguments arguments) {
  if (arguments[0].null) return Datum::Null();
  const auto places = PlacesOf(context, site, arguments, std::numeric_limits<std::size_t>::max());
  return Written(ArrayValue::OneDimension(places), TypeId::kInt4);
}

Datum RemoveElement(EvalContext& context, const CallSite& site, Arguments arguments) {
  if (arguments[0].null) return Datum::Null();
  ArrayValue array = ArrayArgument(site, arguments, 0);
  if (!HasOneDimension(context, array, "removing elements from")) return Datum::Null();
  const Type type = site.arguments[0].Element();
  const std::string wanted = KeyOf(type, arguments[1]);
  std::erase_if(array.elements, [&](const Datum& element) { return KeyOf(type, element) == wanted; });
  if (array.elements.empty()) {
    array.dimensions.clear();
  } else {
    array.dimensions[0].length = static_cast<I>(array.elements.size());
  }
  return Written(array, type);
}

Datum ReplaceElement(EvalContext&, const CallSite& site, Arguments arguments) {
  if (arguments[0].null) return Datum::Null();
  ArrayValue array = ArrayArgument(site, arguments, 0);
  const Type type = site.arguments[0].Element();
  const std::string wanted = KeyOf(type, arguments[1]);
  for (Datum& element : array.elements) {
    if (KeyOf(type, element) == wanted) element = arguments[2];
  }
  return Written(array, type);
}

struct SliceBounds {
  I low = 0;
  I high = 0;
};

// The part within these bounds, one a dimension from the first on; its own bounds start at 1.
ArrayValue Slice(const ArrayValue& array, std::span<const SliceBounds> ranges) {
  ArrayValue part;
  if (array.dimensions.empty() || array.dimensions.size() < ranges.size()) return part;
  std::vector<SliceBounds> offsets;  // from 0, with both ends
  for (std::size_t i = 0; i < array.dimensions.size(); ++i) {
    const ArrayDimension& d = array.dimensions[i];
    SliceBounds range{d.lower_bound, UpperBound(d)};
    if (i < ranges.size()) range = {std::max(range.low, ranges[i].low), std::min(range.high, ranges[i].high)};
    if (range.low > range.high) return {};
    offsets.push_back({range.low - d.lower_bound, range.high - d.lower_bound});
    part.dimensions.push_back({range.high - range.low + 1, 1});
  }
  for (std::size_t n = 0; n < array.elements.size(); ++n) {
    std::size_t rest = n;
    bool inside = true;
    for (std::size_t i = array.dimensions.size(); i-- > 0;) {
      const auto length = static_cast<std::size_t>(array.dimensions[i].length);
      const auto at = static_cast<I>(rest % length);
      inside = inside && at >= offsets[i].low && at <= offsets[i].high;
      rest /= length;
    }
    if (inside) part.elements.push_back(array.elements[n]);
  }
  return part;
}

Datum TrimArray(EvalContext& context, const CallSite& site, Arguments arguments) {
  const ArrayValue array = ArrayArgument(site, arguments, 0);
  const I length = array.dimensions.empty() ? 0 : array.dimensions[0].length;
  if (arguments[1].i < 0 || arguments[1].i > length)
    return Refused(context, "2202E", "number of elements to trim must be between 0 and " + std::to_string(length));
  if (length == 0) return arguments[0];
  const SliceBounds kept[] = {{array.dimensions[0].lower_bound, UpperBound(array.dimensions[0]) - arguments[1].i}};
  return Written(Slice(array, kept), site.result.Element());
}

bool TooManySubscripts(EvalContext& context, std::size_t count) {
  if (count <= kArrayDimensionsMax) return false;
  context.Fail("54000", "number of array dimensions (" + std::to_string(count) + ") exceeds the maximum allowed (6)");
  return true;
}

Datum ArraySubscript(EvalContext& context, const CallSite& site, Arguments arguments) {
  if (TooManySubscripts(context, arguments.size() - 1)) return Datum::Null();
  const ArrayValue array = ArrayArgument(site, arguments, 0);
  if (array.dimensions.size() + 1 != arguments.size()) return Datum::Null();
  std::size_t place = 0;
  for (std::size_t i = 0; i < array.dimensions.size(); ++i) {
    const ArrayDimension& d = array.dimensions[i];
    const I at = arguments[i + 1].i;
    if (at < d.lower_bound || at > UpperBound(d)) return Datum::Null();
    place = place * static_cast<std::size_t>(d.length) + static_cast<std::size_t>(at - d.lower_bound);
  }
  return array.elements[place];
}

// array, low, high, low, high, ...; an end that is left out is the farthest number.
Datum SliceOf(EvalContext& context, const CallSite& site, Arguments arguments) {
  std::vector<SliceBounds> ranges;
  for (std::size_t i = 1; i + 1 < arguments.size(); i += 2) ranges.push_back({arguments[i].i, arguments[i + 1].i});
  if (TooManySubscripts(context, ranges.size())) return Datum::Null();
  return Written(Slice(ArrayArgument(site, arguments, 0), ranges), site.result.Element());
}

std::vector<std::string> SortedKeys(const ArrayValue& array, Type type, bool& nulls) {
  std::vector<std::string> keys;
  nulls = false;
  for (const Datum& element : array.elements) {
    if (element.null) {
      nulls = true;
    } else {
      keys.push_back(KeyOf(type, element));
    }
  }
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

// NULL equals nothing, so an array with one is contained in none.
Datum ArrayContains(EvalContext&, const CallSite& site, Arguments arguments) {
  bool nulls = false;
  const Type type = site.arguments[0].Element();
  const auto all = SortedKeys(ArrayArgument(site, arguments, 0), type, nulls);
  const auto part = SortedKeys(ArrayArgument(site, arguments, 1), type, nulls);
  return Datum::Of(!nulls && std::ranges::includes(all, part));
}
Datum ArrayContainedBy(EvalContext& context, const CallSite& site, Arguments arguments) {
  const Datum turned[] = {arguments[1], arguments[0]};
  return ArrayContains(context, site, turned);
}
Datum ArraysOverlap(EvalContext&, const CallSite& site, Arguments arguments) {
  bool nulls = false;
  const Type type = site.arguments[0].Element();
  const auto a = SortedKeys(ArrayArgument(site, arguments, 0), type, nulls);
  const auto b = SortedKeys(ArrayArgument(site, arguments, 1), type, nulls);
  return Datum::Of(std::ranges::any_of(a, [&](const std::string& key) { return std::ranges::binary_search(b, key); }));
}

// The integers of an array of sizes or bounds; false if it is none.
bool ReadNumbers(EvalContext& context, const Datum& argument, std::vector<I>& numbers) {
  if (argument.null) {
    context.Fail("22004", "dimension array or low bound array cannot be null");
    return false;
  }
  const ArrayValue array = ArrayValue::Read(argument.s, TypeId::kInt4);
  if (array.dimensions.size() > 1) {
    context.Fail("2202E", "wrong number of array subscripts");
    return false;
  }
  for (const Datum& element : array.elements) {
    if (element.null) {
      context.Fail("22004", "dimension values cannot be null");
      return false;
    }
    numbers.push_back(element.i);
  }
  return true;
}

Datum FillArray(EvalContext& context, const CallSite& site, Arguments arguments) {
  std::vector<I> lengths;
  std::vector<I> bounds;
  if (!ReadNumbers(context, arguments[1], lengths)) return Datum::Null();
  if (arguments.size() > 2 && !ReadNumbers(context, arguments[2], bounds)) return Datum::Null();
  if (TooManySubscripts(context, lengths.size())) return Datum::Null();
  if (arguments.size() > 2 && bounds.size() != lengths.size())
    return Refused(context, "2202E", "wrong number of array subscripts");
  ArrayValue array;
  I items = lengths.empty() ? 0 : 1;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] < 0 || (lengths[i] > 0 && items > kItemsMax / lengths[i]))
      return Refused(context, "54000", "array size exceeds the maximum allowed (134217727)");
    items *= lengths[i];
    array.dimensions.push_back({lengths[i], bounds.empty() ? 1 : bounds[i]});
  }
  if (items == 0) array.dimensions.clear();
  array.elements.assign(static_cast<std::size_t>(items), arguments[0]);
  return PayloadWithinBounds(context, array, site.result.Element());
}

std::string_view Same(std::string_view array) { return array; }

// "array subscript" and "array slice" are x[1][2] and x[1:2].
const Function kArrayFunctions[] = {
    {"array_length", {kAnyArray, kI4}, kI4, kOverDatums<ArrayLength>},
    {"array_lower", {kAnyArray, kI4}, kI4, kOverDatums<ArrayLower>},
    {"array_upper", {kAnyArray, kI4}, kI4, kOverDatums<ArrayUpper>},
    {"array_ndims", {kAnyArray}, kI4, kOverDatums<Dimensions>},
    {"array_dims", {kAnyArray}, kText, kOverDatums<DimensionText>},
    {"cardinality", {kAnyArray}, kI4, kOverDatums<Cardinality>},
    {"array_append", {kCompatibleArray, kCompatible}, kCompatibleArray, kOverNulls<AppendElement>},
    {"array_prepend", {kCompatible, kCompatibleArray}, kCompatibleArray, kOverNulls<PrependElement>},
    {"array_cat", {kCompatibleArray, kCompatibleArray}, kCompatibleArray, kOverNulls<ConcatenateArrays>},
    {"||", {kCompatibleArray, kCompatible}, kCompatibleArray, kOverNulls<AppendElement>},
    {"||", {kCompatible, kCompatibleArray}, kCompatibleArray, kOverNulls<PrependElement>},
    {"||", {kCompatibleArray, kCompatibleArray}, kCompatibleArray, kOverNulls<ConcatenateArrays>},
    {"array_position", {kCompatibleArray, kCompatible}, kI4, kOverNulls<PositionOfElement>},
    {"array_position", {kCompatibleArray, kCompatible, kI4}, kI4, kOverNulls<PositionOfElement>},
    {"array_positions", {kCompatibleArray, kCompatible}, kI4Array, kOverNulls<PositionsOfElement>},
    {"array_remove", {kCompatibleArray, kCompatible}, kCompatibleArray, kOverNulls<RemoveElement>},
    {"array_replace", {kCompatibleArray, kCompatible, kCompatible}, kCompatibleArray, kOverNulls<ReplaceElement>},
    {"trim_array", {kAnyArray, kI4}, kAnyArray, kOverDatums<TrimArray>},
    {"array_fill", {kAnyElement, kI4Array}, kAnyArray, kOverNulls<FillArray>},
    {"array_fill", {kAnyElement, kI4Array, kI4Array}, kAnyArray, kOverNulls<FillArray>},
    {"@>", {kAnyArray, kAnyArray}, kBool, kOverDatums<ArrayContains>},
    {"<@", {kAnyArray, kAnyArray}, kBool, kOverDatums<ArrayContainedBy>},
    {"&&", {kAnyArray, kAnyArray}, kBool, kOverDatums<ArraysOverlap>},
    {"array subscript", {kAnyArray, kI4}, kAnyElement, kOverDatums<ArraySubscript>, true},
    {"array slice", {kAnyArray, kI4}, kAnyArray, kOverDatums<SliceOf>, true},
    {"unnest", {kAnyArray}, kAnyElement, kLift<Same>, false, kImmutable, true},
};

}  // namespace

std::span<const Function> ArrayFunctions() { return kArrayFunctions; }

}  // namespace headgate::sql
