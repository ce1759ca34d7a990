#include "app/commands.h"

int main(int argc, char** argv) { return forager::app::Main(argc, argv); }
