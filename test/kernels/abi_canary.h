// What a function must leave as it was, by the procedure call standard.
#pragma once

#include <functional>
#include <string>

namespace smelt {

/// Calls f and says which state of the caller it has changed, or nothing. On Arm: x19 to x28 and
/// the lower halves of v8 to v15; where there is SME, streaming mode and ZA are off afterwards.
/// Elsewhere f is just called.
std::string call_with_canaries(const std::function<void()>& f);

/// Where there is SME: calls f while ZA holds something of the caller's, which f may save lazily
/// but not lose.
std::string call_with_live_za(const std::function<void()>& f);

/// Both, one after the other: f is called twice where there is SME.
std::string call_in_every_state(const std::function<void()>& f);

}  // namespace smelt
