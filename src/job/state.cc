#include "job/state.h"

#include <algorithm>

namespace forager {
namespace {

using enum State;
using enum Transition;

constexpr TransitionRule kTable[] = {
    {std::nullopt, kSubmit, kPending},      {kPending, kClaim, kRunning},
    {kRunning, kComplete, kCompleted},      {kRunning, Transition::kFail, kFailed},
    {kRunning, kRetry, kPending},           {kRunning, kCancel, kCancelled},
    {kPending, kCancelPending, kCancelled}, {kRunning, kReset, kFailed},
    {kRunning, kResetAndRequeue, kPending}, {kRunning, kInterrupt, kPending},
    {kFailed, kRequeue, kPending},          {kCancelled, kRequeue, kPending},
    {kPending, kDelete, std::nullopt},      {kCompleted, kDelete, std::nullopt},
    {kFailed, kDelete, std::nullopt},       {kCancelled, kDelete, std::nullopt},
};

}  // namespace

std::span<const TransitionRule> TransitionTable() { return kTable; }

bool Allowed(State from, Transition by) {
  return std::ranges::any_of(
      kTable, [&](const TransitionRule& rule) { return rule.from == from && rule.by == by; });
}

std::string_view Name(State state) {
  switch (state) {
    case kPending:
      return "pending";
    case kRunning:
      return "running";
    case kCompleted:
      return "completed";
    case kFailed:
      return "failed";
    case kCancelled:
      return "cancelled";
  }
  return "";
}

std::string_view Name(Transition transition) {
  switch (transition) {
    case kSubmit:
      return "submit";
    case kClaim:
      return "claim";
    case kComplete:
      return "complete";
    case Transition::kFail:
      return "fail";
    case kRetry:
      return "retry";
    case kCancel:
    case kCancelPending:
      return "cancel";
    case kReset:
      return "reset";
    case kResetAndRequeue:
      return "reset and requeue";
    case kInterrupt:
      return "interrupt";
    case kRequeue:
      return "requeue";
    case kDelete:
      return "delete";
  }
  return "";
}

std::optional<State> ParseState(std::string_view name) {
  for (State state : kAllStates) {
    if (Name(state) == name) return state;
  }
  return std::nullopt;
}

}  // namespace forager
