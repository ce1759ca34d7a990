// What may stand at the end of a command line that is being typed: answered from the tree of
// commands and, for ids and types, by the server. The shells' scripts only ask and show.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace forager::cli {

struct Candidate {
  std::string word;
  std::string about;
};

struct Completion {
  std::vector<Candidate> candidates;
  bool files = false;  // file names, as the shell completes them
};

// What a value is called in help, the command it is for, and the words so far.
struct ValueWish {
  std::string name;           // "JOB_ID"
  std::string command;        // "jobs cancel"
  std::string url, data_dir;  // as given on the line
};
using AskServer = std::function<std::vector<Candidate>(const ValueWish&)>;

// `words`: behind the program's name; the last is the one being typed.
Completion Complete(const CLI::App& root, const std::vector<std::string>& words,
                    const AskServer& ask);

// The script for bash, zsh or fish; "" for others.
std::string CompletionScript(const std::string& shell);

// The manual page in roff.
std::string ManPage(const CLI::App& root, const std::string& version);

}  // namespace forager::cli
