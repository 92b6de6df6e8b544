// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "joined.hpp"

#include <weir/error.hpp>

#include "check.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <exception>
#include <new>
#include <string>

namespace weir::test::threads {

joined::joined(std::future<void>& join) {
  try {
    join.get();
  } catch (const injected& error) {
    how_ = how::injected;
    number_ = error.number;
  } catch (const std::bad_alloc&) {
    how_ = how::bad_alloc;
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::timed_out)
      how_ = how::timed_out;
    else if (error.code() == errc::task_abandoned)
      how_ = how::abandoned;
    else if (error.code() == asio::error::operation_aborted)
      how_ = how::aborted;
    else
      fail(std::string("join() failed: ") + error.what());
  } catch (const std::exception& error) {
    fail(std::string("join() failed: ") + error.what());
  }
}

// The end of the runtime cancels the groups from outside. A group may report
// that if children were refused, or if none of its children was cut off.
void joined::check_stopped(bool has_cut) const {
  check(how_ == how::well || how_ == how::abandoned || how_ == how::aborted,
        "join() on a stopped runtime reported something else");
  check(!has_cut || how_ == how::abandoned,
        how_ == how::well ? "join() ended well with a child that was cut off"
                          : "join() does not tell of a child that was cut off");
}

void joined::check_running(bool has_failed, bool has_deadline) const {
  check((how_ == how::injected || how_ == how::bad_alloc) == has_failed,
        "join() lost an error, or made one");
  check(how_ != how::timed_out || has_deadline, "there was no deadline");
  check(how_ != how::abandoned, "nothing was abandoned");
  check(how_ != how::aborted, "nobody cancelled it from outside");
}

void joined::note(tally& seen, const ledger& book, const plan& p) const {
  const bool is_complete = book.has_returned(p.errands.size());
  if (book.refused != 0)
    seen.saw(p.where.what == fault::none ? outcome::spawn_after_join
                                         : outcome::spawn_refused);
  if (p.cancellation == on_cancel::unwind && p.where.what != fault::stop &&
      book.ended(child_end::dropped) != 0)
    seen.saw(outcome::unwound);
  switch (p.where.what) {
  case fault::none:
    break;
  case fault::throws: {
    seen.saw(is_complete ? outcome::siblings_done
                         : outcome::siblings_cancelled);
    if (book.ended(child_end::threw) != 2)
      break;
    const auto first =
        std::find_if(p.errands.begin(), p.errands.end(), [](const errand& e) {
          return e.at_end == errand::then::throws;
        });
    seen.saw(first->number == number_ ? outcome::first_failed_first
                                      : outcome::second_failed_first);
    break;
  }
  case fault::swallow:
  case fault::cancel:
    seen.saw(is_complete ? outcome::cancelled_too_late
                         : outcome::cancelled_in_time);
    break;
  case fault::deadline:
    seen.saw(how_ == how::timed_out ? outcome::deadline_passed
                                    : outcome::deadline_met);
    break;
  case fault::stop:
    seen.saw(how_ == how::abandoned ? outcome::stopped_in_time
                                    : outcome::stopped_too_late);
    break;
  case fault::bad_alloc:
    seen.saw(how_ == how::bad_alloc ? outcome::bad_alloc_reported
                                    : outcome::allocations_done);
    break;
  }
}

} // namespace weir::test::threads
