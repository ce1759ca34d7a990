#include "supervisor/output_stream.h"

#include <gtest/gtest.h>

#include <sstream>

namespace forager::supervisor {
namespace {

using std::chrono::milliseconds;

class OutputStreamTest : public testing::Test {
 protected:
  void Say(const std::string& text) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) stream_.Take({line}, now_, sink_);
  }
  void Bar(const std::string& state) { stream_.Take({state, true}, now_, sink_); }
  void Wait(int ms) {
    now_ += milliseconds(ms);
    stream_.Settle(now_, false, sink_);
  }
  void End() { stream_.Settle(now_, true, sink_); }
  std::vector<std::string> Messages() const {
    std::vector<std::string> messages;
    for (const LogEvent& line : lines_) messages.push_back(line.message);
    return messages;
  }

  os::Steady now_{milliseconds(100'000)};
  LastWords last_words_;
  std::vector<LogEvent> lines_;
  OutputStream stream_{"stderr", last_words_};
  OutputStream::Sink sink_ = [this](LogEvent line) { lines_.push_back(std::move(line)); };
};

TEST_F(OutputStreamTest, ATracebackIsOneErrorAndItsLastLineTheLastWords) {
  Say("starting\n"
      "Traceback (most recent call last):\n"
      "  File \"/x.py\", line 3, in <module>\n"
      "    main()\n"
      "    ^^^^^^\n"
      "ValueError: bad page\n"
      "and on");
  ASSERT_EQ(lines_.size(), 3u);
  EXPECT_EQ(lines_[1].level, LogLevel::kError);
  EXPECT_TRUE(lines_[1].message.starts_with("Traceback")) << lines_[1].message;
  EXPECT_TRUE(lines_[1].message.ends_with("\nValueError: bad page")) << lines_[1].message;
  EXPECT_EQ(last_words_.text(), "ValueError: bad page");
}

TEST_F(OutputStreamTest, NodesUncaughtErrorIsOneErrorToo) {
  Say("/x.js:3\n"
      "throw new Error(\"bad page\")\n"
      "^\n"
      "\n"
      "Error: bad page\n"
      "    at Object.<anonymous> (/x.js:3:7)\n"
      "    at Module._compile (node:internal/modules/cjs/loader:1198:14) {\n"
      "  code: 'BAD'\n"
      "}\n"
      "\n"
      "Node.js v18.19.0");
  End();
  auto error = std::find_if(lines_.begin(), lines_.end(),
                            [](const LogEvent& line) { return line.level == LogLevel::kError; });
  ASSERT_NE(error, lines_.end());
  EXPECT_TRUE(error->message.starts_with("Error: bad page\n    at Object")) << error->message;
  EXPECT_TRUE(error->message.ends_with("}")) << error->message;
  EXPECT_EQ(last_words_.text(), "Error: bad page");
}

TEST_F(OutputStreamTest, AnEndlessTracebackIsBoundedAndKeepsItsLastLine) {
  std::string text = "Traceback (most recent call last):\n";
  for (int i = 0; i < 5'000; ++i) text += "  File \"/x.py\", line 3, in f\n";
  Say(text + "RecursionError: too deep\n");
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_LE(lines_[0].message.size(), kMaxLogLine);
  EXPECT_TRUE(lines_[0].message.ends_with(" lines\nRecursionError: too deep")) << lines_[0].message;
}

TEST_F(OutputStreamTest, AnUnfinishedTracebackIsGivenOutInTheEnd) {
  Say("Traceback (most recent call last):\n  File \"/x.py\", line 3, in <module>");
  EXPECT_TRUE(lines_.empty());
  EXPECT_TRUE(stream_.waits());
  Wait(1'000);
  EXPECT_EQ(lines_.size(), 1u);
  EXPECT_FALSE(stream_.waits());
}

TEST_F(OutputStreamTest, ABarIsShownOnceASecondAndAtItsEnd) {
  for (int i = 0; i <= 100; ++i) {
    Bar(std::to_string(i) + "%");
    Wait(30);
  }
  Say("100% done\n");
  auto messages = Messages();
  ASSERT_GE(messages.size(), 4u);
  EXPECT_LE(messages.size(), 5u);
  EXPECT_EQ(messages.front(), "0%");
  EXPECT_EQ(messages.back(), "100% done");
}

TEST_F(OutputStreamTest, TheLastStateOfABarIsNotLost) {
  Bar("1%");
  Bar("2%");
  EXPECT_EQ(Messages(), std::vector<std::string>{"1%"});
  stream_.Take({}, now_, sink_);  // its newline
  EXPECT_EQ(Messages(), (std::vector<std::string>{"1%", "2%"}));
  Bar("3%");
  Bar("4%");
  Wait(1'000);
  EXPECT_EQ(Messages().back(), "4%");
  Bar("5%");
  End();
  EXPECT_EQ(Messages().back(), "5%");
}

TEST_F(OutputStreamTest, LongTextsAreCutBetweenCharactersAndMarked) {
  std::string text;
  while (text.size() < kMaxLogLine + 3) text += "\xE5\x90\x8D";
  Say(text);
  EXPECT_LE(lines_[0].message.size(), kMaxLogLine);
  EXPECT_TRUE(lines_[0].message.ends_with("\xE5\x90\x8D\xE2\x80\xA6"));
}

std::string LastWordsOf(std::initializer_list<const char*> lines) {
  LastWords words;
  LogEvent ignored;
  OutputStream stream("stderr", words);
  auto sink = [](LogEvent) {};
  os::Steady now(milliseconds(5'000));
  for (const char* line : lines) stream.Take({line}, now, sink);
  stream.Settle(now, true, sink);
  return words.text();
}

TEST(LastWords, TheLineThatExplainsTheEndBestIsKept) {
  EXPECT_EQ(LastWordsOf({"x.sh: line 3: foo: command not found"}),
            "x.sh: line 3: foo: command not found");
  EXPECT_EQ(LastWordsOf({"one", "two"}), "two");
  EXPECT_EQ(LastWordsOf({"ERROR:root:no key", "INFO:root:closing"}), "ERROR:root:no key");
  EXPECT_EQ(LastWordsOf({"ERROR:root:no key", "bye"}), "ERROR:root:no key");
  EXPECT_EQ(LastWordsOf({"ERROR:root:lived through", "1",  "2",  "3",  "4",  "5",  "6",
                         "7",  "8",  "9",  "10", "11", "12", "13", "14", "15", "16",
                         "17", "18", "19", "usage: x [-h]"}),
            "usage: x [-h]");
  EXPECT_EQ(LastWordsOf({"  + Exception Group Traceback (most recent call last):",
                         "  |   File \"/x.py\", line 1, in <module>", "  |     raise group",
                         "  | ExceptionGroup: many (2 sub-exceptions)",
                         "  +-+---------------- 1 ----------------", "    | ValueError: a",
                         "    +------------------------------------"}),
            "ExceptionGroup: many (2 sub-exceptions)");
  EXPECT_EQ(
      LastWordsOf({"FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of "
                   "memory",
                   "----- Native stack trace -----", " 1: 0xb7a940 node::Abort()",
                   "10: 0xd7a940 v8::x()", "Aborted"}),
      "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory");
  EXPECT_EQ(LastWordsOf({"x.sh: 2: foo\r: not found"}),
            "x.sh: 2: foo\\r: not found (the script has Windows line ends: mend it with dos2unix)");
}

}  // namespace
}  // namespace forager::supervisor
