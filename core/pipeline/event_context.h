#pragma once

#include <string_view>

#include "core/codec/event.h"
#include "core/codec/native.h"
#include "core/log/log.h"
#include "core/state/dead_letters.h"

namespace headgate {

struct Event;  // sink.h

// What a rendering needs to know of a change of the log. Views of the arguments, which must outlive it.
codec::EventContext ContextOf(const Registry& registry, Seq seq, const TransactionInfo& tx, const Change& change);

// The same of a change on its way out.
codec::EventContext ContextOf(const Event& event);

// The letter of a change of this stream: all but what went wrong, the lanes and the body. What cannot be rendered is a
// letter all the same; its error says why.
DeadLetter NewLetter(const codec::EventContext& event, std::string_view stream, codec::NativeEncoder& native);

}  // namespace headgate
