#include "store/database.h"

namespace forager::store {

bool NeedsReopen(Fault fault) {
  return fault == Fault::kIo || fault == Fault::kCorrupt || fault == Fault::kLost;
}

Error ToError(const DatabaseError& error) {
  auto unavailable = [](std::string detail) {
    return Error{ErrorCode::kUnavailable, std::move(detail), {}, std::chrono::seconds(5)};
  };
  switch (error.fault) {
    case Fault::kBusy:
      return unavailable("The database is locked by another program.");
    case Fault::kFull:
      return unavailable("The disk is full: nothing can be stored until there is space again.");
    case Fault::kIo:
      return unavailable("The disk of the database reports an error.");
    case Fault::kReadOnly:
      return unavailable("The database cannot be written: it is read-only.");
    case Fault::kCorrupt:
      return unavailable("The database file is damaged.");
    case Fault::kGone:
      return unavailable(error.what());
    case Fault::kTimeLimit:
      return unavailable("The query took too long: ask for less.");
    case Fault::kLost:
      return unavailable("The database does not answer.");
    case Fault::kRace:
      return unavailable("Another server changed the same rows at the same time: try again.");
    case Fault::kConstraint:
    case Fault::kOther:
      break;
  }
  return Error{ErrorCode::kInternal, "The database refused a statement.", {}, {}};
}

std::optional<std::int64_t> Rows::MaybeInt(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Int(column);
}

std::optional<double> Rows::MaybeReal(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Real(column);
}

std::optional<std::string> Rows::MaybeText(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Text(column);
}

std::optional<WallTime> Rows::MaybeTime(int column) const {
  if (IsNull(column)) return std::nullopt;
  return ParseSqlTime(View(column));
}

}  // namespace forager::store
